import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import { levelOf } from '#lib/shared/standing.ts';
import {
  entityAccess,
  isPersonal,
  maySee,
  memberKeys,
  personal,
  seenSql,
  type Member,
} from './access.ts';
import type { Tx } from './live/transaction.ts';

/** A part of the history that somebody may see: of one entity, or whatever the condition says of `x`. */
export interface Reach {
  entity?: EntityName;
  isSeen: RawBuilder<SqlBool>;
  /** Whether it is of few records, which are looked up one by one. */
  isFew?: boolean;
}

/** Of more records than this the next page is never far in the history. */
const fewRecords = 500;

/**
 * How far the history is written; beyond, the log says what was. Inside the query, because under row
 * security a comparison with `coalesce` finds no index.
 */
export const cursor = sql`
  (select coalesce(max(c.pos), 0) from sync.reader_cursors c where c.reader = 'history')`;

/** What a member may see of the past, by entity: all of it, or that of the records that are seen now. */
export async function reachesOf(tx: Tx, member: Member, only?: string): Promise<Reach[]> {
  const visible = entityNames.filter(
    (entity) =>
      (only === undefined || only === entity) && !isPersonal(entity) && maySee(member, entity),
  );
  const reaches: Reach[] = [];
  for (const entity of visible)
    reaches.push(
      isSeenWhole(member, entity)
        ? { entity, isSeen: sql<SqlBool>`true` }
        : await reachOfSeen(tx, member, entity),
    );
  return reaches;
}

function isSeenWhole(member: Member, entity: EntityName): boolean {
  const { view, owned } = entityAccess[entity];
  return !owned || (view !== personal && levelOf(member, view) === 'all');
}

async function reachOfSeen(tx: Tx, member: Member, entity: EntityName): Promise<Reach> {
  const seen = sql`
    select r.id from ${sql.table(entity)} r
    where r.organization_id = sync.org() and ${seenSql(member, entity)}
    union all ${deletedSeen(member, entity)}`;
  const { rows } = await sql<{ id: string }>`${seen} limit ${fewRecords + 1}`.execute(tx);
  const isFew = rows.length <= fewRecords;
  const isSeen = isFew
    ? sql<SqlBool>`x.id = any (${rows.map(({ id }) => id)}::uuid[])`
    : sql<SqlBool>`x.id in (${seen})`;
  return { entity, isSeen, isFew };
}

/** Deleted records whose last image the member could see; the log knows of what is not written yet. */
export const deletedSeen = (
  member: Member,
  entity: EntityName,
  { among }: { among?: string[] } = {},
): RawBuilder<unknown> => sql`
  (with gone as materialized (
    select distinct on (l.id) l.id, l.before
    from sync.change_tx t join sync.change_log l
      on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
    where t.organization_id = sync.org() and t.pos > ${cursor} and l.entity = ${entity} and l.op = 'D'
      ${among ? sql`and l.id = any (${among}::uuid[])` : sql``}
    order by l.id, t.pos desc, l.ord desc
  ), last as (
    select g.id from gone g, jsonb_to_record(g.before) as image (owner_id uuid, team_id uuid, member_id uuid)
    where ${seenSql(member, entity)}
    union all
    select s.id from sync.subjects s
    where s.organization_id = sync.org() and s.entity = ${entity} and s.is_deleted
      ${among ? sql`and s.id = any (${among}::uuid[])` : sql``}
      and s.keys && ${memberKeys(member)} and s.id not in (select g.id from gone g)
  )
  select last.id from last where not exists (select from ${sql.table(entity)} r
    where r.organization_id = sync.org() and r.id = last.id))`;
