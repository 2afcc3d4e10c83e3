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
