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
import { namingColumns } from './readers/history.ts';

/** One changed record of one transaction. */
export interface HistoryRow {
  pos: number;
  ord: number;
  at: Date;
  entity: string;
  id: string;
  op: 'I' | 'U' | 'D';
  /** Member id, or the name of a worker; null: somebody past the application. */
  actor: string | null;
  mutationId: string | null;
  runId: string | null;
  title: string | null;
  currency: string | null;
  /** `{column: [from, to]}`, with the database's names; null where it has been erased. */
  changes: Record<string, [unknown, unknown]> | null;
}

export interface HistoryAsked {
  entity?: string | undefined;
  id?: string | undefined;
  actor?: string | undefined;
  /** A column with the database's name. */
  field?: string | undefined;
  runId?: string | undefined;
  since?: Date | undefined;
  until?: Date | undefined;
  /** `pos.ord` of the last row that is known: older ones come. */
  before?: string | undefined;
  limit: number;
}

/**
 * The history of the organization, the newest first, without what the member may not see: who may see a
 * record sees all its history, and what was deleted is judged by its last image. It reaches to this
 * moment: what the reader has not written yet is read from the log.
 */
export const historyRows = (tx: Tx, member: Member, asked: HistoryAsked): Promise<HistoryRow[]> =>
  rowsOf(tx, asked, seenIn(member));

/** The same for those who may see everything, with rows of entities that nobody else sees. */
export const wholeHistory = (tx: Tx, asked: HistoryAsked): Promise<HistoryRow[]> =>
  rowsOf(tx, asked, sql<SqlBool>`x.entity <> all (${personalEntities})`);

const personalEntities = entityNames.filter(isPersonal);
const cursor = sql`coalesce((select c.pos from sync.reader_cursors c where c.reader = 'history'), 0)`;

async function rowsOf(
  tx: Tx,
  asked: HistoryAsked,
  isSeen: RawBuilder<SqlBool>,
): Promise<HistoryRow[]> {
  const { limit } = asked;
  const newest = sql`order by pos desc, ord desc limit ${limit}`;
  const { rows } = await sql<HistoryRow>`
    with written as (
      select x.pos, x.ord, x.at, x.entity, x.id, x.op::text as op, x.actor, x.mutation_id, x.run_id,
        x.title, x.currency, x.changes
      from sync.history x
      where x.organization_id = sync.org() and x.pos <= ${cursor}
        and ${asksFor(asked, sql`x.fields @> array[${asked.field ?? ''}]`)} and ${isSeen} ${newest}
    ), unwritten as (
      select x.pos, x.ord, x.at, x.entity, x.id, x.op, x.actor, x.mutation_id, x.run_id,
        ${title} as title, x.image ->> 'currency' as currency,
        case x.op when 'U' then (select jsonb_object_agg(b.key, jsonb_build_array(b.value, x.image -> b.key))
          from jsonb_each(x.before) b) else '{}' end as changes
      from (select t.pos, l.ord, t.at, l.entity, l.id, l.op::text as op, t.actor, t.mutation_id, t.run_id,
              l.before, coalesce(l.after, l.before) as image
            from sync.change_tx t join sync.change_log l
              on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
            where t.organization_id = sync.org() and t.pos > ${cursor}) x
      where ${asksFor(asked, sql`x.op = 'U' and x.before ? ${asked.field ?? ''}`)} and ${isSeen} ${newest}
    )
    select * from (select * from written union all select * from unwritten) told ${newest}`.execute(
    tx,
  );
  return rows;
}

const title = sql`coalesce(${sql.join(
  namingColumns.map((column) => sql`nullif(x.image ->> ${sql.lit(column)}, '')`),
)})`;

/** `hasField` is asked where a field is. */
function asksFor(asked: HistoryAsked, hasField: RawBuilder<unknown>): RawBuilder<SqlBool> {
  const { entity, id, actor, field, runId, since, until, before } = asked;
  const [pos, ord] = before?.split('.') ?? [];
  const wanted = [
    entity && sql`x.entity = ${entity}`,
    id && sql`x.id = ${id}::uuid`,
    actor && sql`x.actor = ${actor}`,
    field && hasField,
    runId && sql`x.run_id = ${runId}`,
    since && sql`x.at >= ${since}`,
    until && sql`x.at < ${until}`,
    pos && ord && sql`(x.pos, x.ord) < (${pos}::bigint, ${ord}::bigint)`,
  ].filter((one) => typeof one === 'object');
  return wanted.length > 0 ? sql<SqlBool>`${sql.join(wanted, sql` and `)}` : sql<SqlBool>`true`;
}

/** Of the entities that are seen whole any row; of the others those of records that are seen. */
function seenIn(member: Member): RawBuilder<SqlBool> {
  const visible = entityNames.filter((entity) => !isPersonal(entity) && maySee(member, entity));
  const whole = visible.filter((entity) => isSeenWhole(member, entity));
  const inPart = visible.filter((entity) => !whole.includes(entity));
  const parts = inPart.map(
    (entity) => sql`(x.entity = ${entity} and (
      x.id in (select r.id from ${sql.table(entity)} r
        where r.organization_id = sync.org() and ${seenSql(member, entity)})
      or x.id in (${deletedSeen(member, entity)})))`,
  );
  return sql<SqlBool>`(${sql.join([sql`x.entity = any (${whole})`, ...parts], sql` or `)})`;
}

function isSeenWhole(member: Member, entity: EntityName): boolean {
  const { view, owned } = entityAccess[entity];
  return !owned || (view !== personal && levelOf(member, view) === 'all');
}

/** Deleted records whose last image the member could see; the log knows of what the reader does not yet. */
const deletedSeen = (member: Member, entity: EntityName): RawBuilder<unknown> => sql`
  with gone as materialized (
    select distinct on (l.id) l.id, l.before
    from sync.change_tx t join sync.change_log l
      on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
    where t.organization_id = sync.org() and t.pos > ${cursor} and l.entity = ${entity} and l.op = 'D'
    order by l.id, t.pos desc, l.ord desc
  ), last as (
    select g.id from gone g, jsonb_to_record(g.before) as image (owner_id uuid, team_id uuid, member_id uuid)
    where ${seenSql(member, entity)}
    union all
    select s.id from sync.subjects s
    where s.organization_id = sync.org() and s.entity = ${entity} and s.is_deleted
      and s.keys && ${memberKeys(member)} and s.id not in (select g.id from gone g)
  )
  select last.id from last where not exists (select from ${sql.table(entity)} r
    where r.organization_id = sync.org() and r.id = last.id)`;
