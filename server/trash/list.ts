import type { EntityName } from '#lib/shared/entities.ts';
import type { Member } from '../access.ts';
import { historyRows, type HistoryRow } from '../history.ts';
import type { Tx } from '../live/transaction.ts';
import { entriesOf, isKnown, type TimelineEntry } from '../timeline/entries.ts';
import { fallenWith, mayRestore } from '../undo/fallen.ts';
import { trackedTables, undoableDays, type Logged } from '../undo/logged.ts';
import { rules } from '../undo/rules.ts';
import { couldSee } from '../undo/standing.ts';
import { fallWith, lastDeletion, rowsAt, whatIsMissing } from './gone.ts';

export interface Trashed extends Pick<TimelineEntry, 'entity' | 'id' | 'title' | 'at' | 'actor'> {
  place: string;
  /** Until when it can be brought back. */
  until: Date;
  /** What comes back with it, by kind, as far as the member sees it. */
  fell: { entity: EntityName; count: number }[];
  /** Of which kind something is gone that it cannot be without. */
  missing: EntityName | undefined;
}

interface Asked {
  entity?: EntityName | undefined;
  actor?: string | undefined;
  before?: string | undefined;
  limit: number;
}

const rowsAtOnce = 100;
const mostReadings = 20;

/** What was deleted and can be brought back by the member, the newest first; not what fell with something else. */
export async function trashOf(
  tx: Tx,
  member: Member,
  { limit, ...asked }: Asked,
): Promise<{ items: Trashed[]; nextBefore: string | null }> {
  const since = new Date(Date.now() - undoableDays * 86_400_000);
  const found: { row: HistoryRow; root: Logged }[] = [];
  let before = asked.before;
  for (let reading = 0; reading < mostReadings; reading += 1) {
    const filter = { ...asked, before, op: 'D', since, limit: rowsAtOnce } as const;
    const rows = await historyRows(tx, member, filter);
    const roots = await rootsAmong(tx, member, rows);
    for (const row of rows) {
      if (found.length === limit)
        return { items: await told(tx, member, found), nextBefore: before ?? null };
      before = `${row.pos}.${row.ord}`;
      const root = roots.get(before);
      if (root) found.push({ row, root });
    }
    if (rows.length < rowsAtOnce) return { items: await told(tx, member, found), nextBefore: null };
  }
  return { items: await told(tx, member, found), nextBefore: before ?? null };
}

/** Those that stood for themselves, are still gone, and are the member's to bring back; by their places. */
async function rootsAmong(
  tx: Tx,
  member: Member,
  rows: HistoryRow[],
): Promise<Map<string, Logged>> {
  const known = rows.filter(({ entity }) => isKnown(entity) && rules[entity] !== 'never');
  if (known.length === 0) return new Map();
  const logged = await rowsAt(tx, known);
  const fallen = await fallenWith(tx, logged, await trackedTables(tx));
  const roots = new Map<string, Logged>();
  for (const row of logged) {
    if (fallen.has(row) || !mayRestore(member, row)) continue;
    const last = await lastDeletion(tx, row.entity, row.id);
    if (last?.pos === row.pos && last.ord === row.ord) roots.set(`${row.pos}.${row.ord}`, row);
  }
  return roots;
}

async function told(
  tx: Tx,
  member: Member,
  found: { row: HistoryRow; root: Logged }[],
): Promise<Trashed[]> {
  const tables = await trackedTables(tx);
  const entries = await entriesOf(
    tx,
    found.map(({ row }) => row),
  );
  const deletions = await fallWith(
    tx,
    found.map(({ root }) => root),
    tables,
  );
  const items: Trashed[] = [];
  for (const [at, { place, entity, id, title, at: when, actor }] of entries.entries()) {
    const deletion = deletions[at];
    if (!deletion) continue;
    const fell = deletion.rows.filter(
      (row) => row.op === 'D' && row.id !== id && couldSee(member, row),
    );
    items.push({
      place,
      entity,
      id,
      title,
      at: when,
      actor,
      until: new Date(when.getTime() + undoableDays * 86_400_000),
      fell: [...Map.groupBy(fell, (row) => row.entity)].map(([kind, all]) => ({
        entity: kind,
        count: all.length,
      })),
      missing: await whatIsMissing(tx, deletion.root, tables),
    });
  }
  return items;
}
