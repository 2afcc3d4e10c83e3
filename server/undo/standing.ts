import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import {
  can,
  entityAccess,
  isPersonal,
  memberKeys,
  reachSql,
  rowKeys,
  seenSql,
  type Member,
  type Permission,
} from '../access.ts';
import type { Tx } from '../live/transaction.ts';

import { deletedSeen } from '../history-reach.ts';
import { camelKeys } from './answer.ts';
import type { Logged, Table } from './logged.ts';

/** A record as it stands now, beside what the log says of it. */
export interface Standing {
  id: string;
  now: Record<string, unknown>;
  isSeen: boolean;
  isMine: boolean;
  /** Columns that are not as the undone change left them. */
  moved: string[];
}

/** The records of some log rows as they are now, locked; one that is gone is not among them. */
export async function standings(
  tx: Tx,
  member: Member,
  { table, rows, permission }: { table: Table; rows: Logged[]; permission: Permission },
): Promise<Map<string, Standing>> {
  const name = sql.raw(table.name);
  const entity = table.entity as EntityName;
  const { rows: found } = await sql<Standing>`
    select t.id, to_jsonb(t) as now, ${seenSql(member, entity)} as is_seen,
      ${reaches(member, permission, entity)} as is_mine,
      array(select key from jsonb_object_keys(left_image) key where to_jsonb(t) -> key is distinct from left_row -> key) as moved
    from unnest(${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ afterText }) => afterText)}::text[]) as one (left_id, image)
    cross join lateral (select one.image::jsonb as left_image,
      to_jsonb(jsonb_populate_record(null::${name}, one.image::jsonb)) as left_row) undone
    join ${name} t on t.organization_id = sync.org() and t.id = one.left_id
    for update of t`.execute(tx);
  return new Map(found.map((row) => [row.id, row]));
}

function reaches(member: Member, permission: Permission, entity: EntityName): RawBuilder<SqlBool> {
  const isOwned = entityAccess[entity].owned;
  if (isOwned) return reachSql(member, permission);
  return can(member, permission) ? sql<SqlBool>`true` : sql<SqlBool>`false`;
}

/** Whether a record that is gone was the member's to see, by its last image. */
export function couldSee(
  member: Member,
  { entity, before, after }: Pick<Logged, 'entity' | 'before' | 'after'>,
): boolean {
  const keys = new Set(memberKeys(member));
  return rowKeys(entity, camelKeys(after ?? before ?? {})).some((key) => keys.has(key));
}

/** Those of some log rows whose records the member sees, or saw last where they are gone. */
export async function seenAmong(
  tx: Tx,
  member: Member,
  { rows, tables }: { rows: Logged[]; tables: Map<string, Table> },
): Promise<Logged[]> {
  const isSeen = new Map<string, boolean>();
  // An act of the audit is no record that anybody sees.
  const records = rows.filter(({ entity }) => Object.hasOwn(entityAccess, entity));
  for (const [entity, those] of Map.groupBy(records, (row) => row.entity)) {
    const table = tables.get(entity);
    if (!table) continue;
    const ids = [...new Set(those.map(({ id }) => id))];
    const { rows: found } = await sql<{ id: string; isSeen: boolean }>`
      select t.id, ${seenSql(member, entity)} as is_seen from ${sql.raw(table.name)} t
      where t.organization_id = sync.org() and t.id = any(${ids}::uuid[])`.execute(tx);
    for (const one of found) isSeen.set(`${entity} ${one.id}`, one.isSeen);
    const gone = ids.filter((id) => !isSeen.has(`${entity} ${id}`));
    // What is somebody's own stays so, and is nobody's history.
    if (gone.length === 0 || isPersonal(entity)) continue;
    const { rows: last } = await sql<{ id: string }>`
      ${deletedSeen(member, entity, { among: gone })}`.execute(tx);
    const could = new Set(last.map(({ id }) => id));
    for (const id of gone) isSeen.set(`${entity} ${id}`, could.has(id));
  }
  return records.filter((row) => isSeen.get(`${row.entity} ${row.id}`) ?? couldSee(member, row));
}
