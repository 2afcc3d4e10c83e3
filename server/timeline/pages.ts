import type { EntityName } from '#lib/shared/entities.ts';
import type { Member } from '../access.ts';
import { historyRows, type HistoryAsked, type HistoryRow } from '../history.ts';
import type { Tx } from '../live/transaction.ts';
import { rules } from '../undo/rules.ts';
import { entriesOf, isKnown, type TimelineEntry } from './entries.ts';

interface Asked {
  id?: string | undefined;
  actor?: string | undefined;
  entity?: EntityName | undefined;
  action?: 'created' | 'changed' | 'deleted' | 'undone' | undefined;
  field?: string | undefined;
  run?: string | undefined;
  before?: string | undefined;
  limit: number;
}

const ops = { created: 'I', changed: 'U', deleted: 'D', undone: undefined } as const;
const rowsAtOnce = 200;
const mostReadings = 20;
/** What a run did is counted up to here. */
const mostCounted = 500;

/**
 * A page of what happened, to a record or in the organization. Rows that say nothing to a person are
 * passed over; of a run, an import for instance, only the newest row stands in the organization's, with how
 * many there are.
 */
export async function pageOf(
  tx: Tx,
  member: Member,
  { action, run, limit, ...asked }: Asked,
): Promise<{ entries: TimelineEntry[]; nextBefore: string | null }> {
  const filter: HistoryAsked = {
    ...asked,
    limit: rowsAtOnce,
    ...(action && { op: ops[action], isUndo: action === 'undone' }),
    ...(run !== undefined && { runId: run }),
  };
  const told: { row: HistoryRow; count: number | undefined }[] = [];
  const runs = new Set<string>();
  let before = asked.before;
  for (let reading = 0; reading < mostReadings; reading += 1) {
    const rows = await historyRows(tx, member, { ...filter, before, exceptRuns: [...runs] });
    for (const row of rows) {
      if (told.length === limit)
        return { entries: await entriesWith(tx, told), nextBefore: before ?? null };
      before = `${row.pos}.${row.ord}`;
      if (!saysSomething(row) || (row.runId !== null && runs.has(row.runId))) continue;
      const isWhole = row.runId !== null && run === undefined && asked.id === undefined;
      const count = isWhole ? await countIfNewest(tx, member, { filter, row }) : undefined;
      if (isWhole) runs.add(row.runId ?? '');
      if (!isWhole || count !== undefined) told.push({ row, count });
    }
    if (rows.length < rowsAtOnce) return { entries: await entriesWith(tx, told), nextBefore: null };
  }
  return { entries: await entriesWith(tx, told), nextBefore: before ?? null };
}

/** How many rows a run has, asked at its newest one; at the others nothing is told. */
async function countIfNewest(
  tx: Tx,
  member: Member,
  { filter, row }: { filter: HistoryAsked; row: HistoryRow },
): Promise<number | undefined> {
  const limit = mostCounted + 1;
  const rows = await historyRows(tx, member, {
    ...filter,
    before: undefined,
    runId: row.runId ?? '',
    limit,
  });
  const telling = rows.filter(saysSomething);
  const [newest] = telling;
  return newest?.pos === row.pos && newest.ord === row.ord ? telling.length : undefined;
}

async function entriesWith(
  tx: Tx,
  told: { row: HistoryRow; count: number | undefined }[],
): Promise<TimelineEntry[]> {
  const entries = await entriesOf(
    tx,
    told.map(({ row }) => row),
  );
  return entries.map((entry, at) => {
    const { row, count } = told[at] ?? {};
    if (count === undefined || !row?.runId) return entry;
    const isMore = count > mostCounted;
    return { ...entry, run: { id: row.runId, count: Math.min(count, mostCounted), isMore } };
  });
}

/** What only triggers did, or only moved a card within its column, is no news. */
function saysSomething({ entity, op, changes }: HistoryRow): boolean {
  if (!isKnown(entity)) return false;
  if (op !== 'U') return true;
  const rule = rules[entity];
  const derived = rule === 'never' ? [] : (rule.derived ?? []);
  const silent = [...derived, 'rank', 'position', 'stage_entered_at', 'rev', 'updated_at'];
  return changes === null || Object.keys(changes).some((name) => !silent.includes(name));
}
