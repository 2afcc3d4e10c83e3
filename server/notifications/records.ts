import { sql } from 'kysely';
import { rowKeys } from '../access.ts';
import type { Tx } from '../live/transaction.ts';

export type Stored = Record<string, unknown>;

/** What a notification can be about, and the table of it. */
export const subjects = ['deals', 'customers', 'activities'] as const;
export type Subject = (typeof subjects)[number];
export const isSubject = (entity: string): entity is Subject =>
  subjects.some((one) => one === entity);

/** The keys that a stored row is visible under. */
export const keysOf = (entity: Subject, row: Stored): string[] =>
  rowKeys(entity, { teamId: row['team_id'], ownerId: row['owner_id'] });

export const titleOf = (row: Stored): string => String(row['title'] ?? row['name'] ?? '');

/** Records as they are now, by their ids; those that are gone are not in it. */
export async function recordsNow(
  tx: Tx,
  entity: Subject,
  ids: Iterable<string>,
): Promise<Map<string, Stored>> {
  const asked = [...new Set(ids)];
  if (asked.length === 0) return new Map();
  const { rows } = await sql<{ id: string; row: Stored }>`
    select id, to_jsonb(t) as row from ${sql.table(entity)} t
    where id = any(${asked}::uuid[])`.execute(tx);
  return new Map(rows.map(({ id, row }) => [id, row]));
}

interface Later {
  id: string;
  pos: number;
  op: string;
  before: Stored | null;
  after: Stored | null;
}

/**
 * Records as they were at positions from one on: what changed them since is taken back. The log is read
 * after the rows, so that what comes between the two is taken back as well.
 */
export async function recordsAt(
  tx: Tx,
  entity: Subject,
  { ids, from }: { ids: Iterable<string>; from: { position: number; at: Date } },
): Promise<(id: string, position: number) => Stored | undefined> {
  const asked = [...new Set(ids)];
  if (asked.length === 0) return () => undefined;
  const now = await recordsNow(tx, entity, asked);
  const { rows } = await sql<Later>`
    select l.id, t.pos, l.op::text as op, l.before, l.after
    from sync.change_log l
    join sync.change_tx t on t.xid = l.xid and t.organization_id = l.organization_id and t.at = l.at
    where l.organization_id = sync.org() and l.entity = ${entity} and l.id = any(${asked}::uuid[])
      and l.at >= ${from.at}::timestamptz - interval '1 day' and t.pos > ${from.position}::bigint
    order by t.pos, l.ord`.execute(tx);
  const later = Map.groupBy(rows, ({ id }) => id);
  return (id, position) => {
    const next = later.get(id)?.find(({ pos }) => pos > position);
    if (!next) return now.get(id);
    if (next.op === 'I') return undefined;
    return next.op === 'D' ? (next.before ?? undefined) : { ...next.after, ...next.before };
  };
}
