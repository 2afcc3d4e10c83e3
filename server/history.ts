import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { entityNames } from '#lib/shared/entities.ts';
import { isPersonal, type Member } from './access.ts';
import { cursor, reachesOf, type Reach } from './history-reach.ts';
import type { Tx } from './live/transaction.ts';
import { actColumns, namingColumns } from './readers/history.ts';

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
  op?: HistoryRow['op'] | undefined;
  isUndo?: boolean | undefined;
  /** Runs that are left out. */
  exceptRuns?: readonly string[] | undefined;
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
export const historyRows = async (
  tx: Tx,
  member: Member,
  asked: HistoryAsked,
): Promise<HistoryRow[]> => rowsOf(tx, asked, await reachesOf(tx, member, asked.entity));

/** The same for those who may see everything, with rows of entities that nobody else sees. */
export const wholeHistory = (tx: Tx, asked: HistoryAsked): Promise<HistoryRow[]> =>
  rowsOf(tx, asked, asked.field === undefined ? [everything] : eachEntity);

const everything: Reach = {
  isSeen: sql<SqlBool>`x.entity <> all (${entityNames.filter(isPersonal)})`,
};
const eachEntity: Reach[] = entityNames
  .filter((entity) => !isPersonal(entity))
  .map((entity) => ({ entity, isSeen: sql<SqlBool>`true` }));

/** Each reach is read by an index of its own; then the newest of all of them are taken. */
async function rowsOf(tx: Tx, asked: HistoryAsked, reaches: Reach[]): Promise<HistoryRow[]> {
  if (reaches.length === 0) return [];
  const written = reaches.map((reach) => writtenIn(reach, asked));
  const newest = sql`order by pos desc, ord desc limit ${asked.limit}`;
  const { rows } = await sql<HistoryRow>`
    with unwritten as (
      select x.pos, x.ord, x.at, x.entity, x.id, x.op, x.actor, x.mutation_id, x.run_id,
        ${title} as title, x.image ->> 'currency' as currency,
        case x.op when 'U' then (select jsonb_object_agg(b.key, jsonb_build_array(b.value, x.image -> b.key))
          from jsonb_each(x.before) b)
          else ${acts} end as changes
      from (select t.pos, l.ord, t.at, l.entity, l.id, l.op::text as op, t.actor, t.mutation_id, t.run_id,
              l.before, coalesce(l.after, l.before) as image
            from sync.change_tx t join sync.change_log l
              on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
            where t.organization_id = sync.org() and t.pos > ${cursor}) x
      where ${asksFor(asked)} and ${isOlder(asked, x)} and (${sql.join(reaches.map(isIn), sql` or `)})
        ${asked.field ? sql`and x.op = 'U' and x.before ? ${asked.field}` : sql``} ${newest}
    )
    select * from (${sql.join(written, sql` union all `)} union all select * from unwritten) told
    ${newest}`.execute(tx);
  return rows;
}

const x = sql`x`;
const f = sql`f`;

/**
 * A field is looked for in the list of its changes; among few records, the other way round: a planner that
 * chose itself would join both whole, since it cannot know that places are unique.
 */
function writtenIn(reach: Reach, asked: HistoryAsked): RawBuilder<unknown> {
  const { field, id, limit } = asked;
  const byField = field !== undefined && id === undefined && !reach.isFew;
  const at = byField ? f : x;
  const same = sql`organization_id = sync.org() and pos = f.pos and ord = f.ord`;
  const hasField = sql`exists (select from sync.history_fields f where f.organization_id = sync.org()
    and f.entity = x.entity and f.field = ${field} and f.pos = x.pos and f.ord = x.ord)`;
  return sql`(
    select x.pos, x.ord, x.at, x.entity, x.id, x.op::text as op, x.actor, x.mutation_id, x.run_id,
      x.title, x.currency, x.changes
    from ${byField ? sql`sync.history_fields f, lateral (select * from sync.history where ${same} limit 1) x` : sql`sync.history x`}
    where ${at}.organization_id = sync.org() and ${at}.pos <= ${cursor} and ${isOlder(asked, at)}
      and ${withinDays(asked, at)} and ${asksFor(asked)} and ${isIn(reach)}
      ${byField ? sql`and f.entity = ${reach.entity} and f.field = ${field}` : field ? sql`and ${hasField}` : sql``}
    order by ${at}.pos desc, ${at}.ord desc limit ${limit})`;
}

const title = sql`coalesce(${sql.join(
  namingColumns.map((column) => sql`nullif(x.image ->> ${sql.lit(column)}, '')`),
)})`;

/** As the reader writes them. */
const acts = sql`case x.entity when 'auditEvents' then (
    select jsonb_object_agg(c, jsonb_build_array(null, x.image -> c)) from unnest(${sql.lit(`{${actColumns.join(',')}}`)}::text[]) c
  ) else '{}' end`;

const isIn = ({ entity, isSeen }: Reach): RawBuilder<SqlBool> =>
  entity ? sql<SqlBool>`(x.entity = ${entity} and ${isSeen})` : isSeen;

function asksFor(asked: HistoryAsked): RawBuilder<SqlBool> {
  const { entity, id, actor, runId, op, isUndo, exceptRuns = [], since, until } = asked;
  return all([
    entity && sql`x.entity = ${entity}`,
    id && sql`x.id = ${id}::uuid`,
    actor && sql`x.actor = ${actor}`,
    runId && sql`x.run_id = ${runId}`,
    op && sql`x.op::text = ${op}`,
    isUndo && sql`x.run_id like 'undo%'`,
    exceptRuns.length > 0 && sql`(x.run_id is null or x.run_id <> all (${exceptRuns}))`,
    since && sql`x.at >= ${since}`,
    until && sql`x.at < ${until}`,
  ]);
}

function isOlder({ before }: HistoryAsked, at: RawBuilder<unknown>): RawBuilder<SqlBool> {
  const [pos, ord] = before?.split('.') ?? [];
  if (!pos || !ord) return sql<SqlBool>`true`;
  return sql<SqlBool>`(${at}.pos, ${at}.ord) < (${pos}::bigint, ${ord}::bigint)`;
}

/** Positions go with time, but for transactions that take long; none takes a day. */
function withinDays({ since, until }: HistoryAsked, at: RawBuilder<unknown>): RawBuilder<SqlBool> {
  const near = (compared: RawBuilder<unknown>, otherwise: number) => sql`(select coalesce((
    select h.pos from sync.history h where h.organization_id = sync.org() and ${compared} limit 1
  ), ${otherwise}::bigint))`;
  const dayBefore = sql`h.at < ${since}::timestamptz - interval '1 day' order by h.at desc`;
  const dayAfter = sql`h.at > ${until}::timestamptz + interval '1 day' order by h.at`;
  return all([
    since && sql`${at}.pos > ${near(dayBefore, 0)}`,
    until && sql`${at}.pos < ${near(dayAfter, Number.MAX_SAFE_INTEGER)}`,
  ]);
}

function all(conditions: unknown[]): RawBuilder<SqlBool> {
  const wanted = conditions.filter((one) => typeof one === 'object');
  return wanted.length > 0 ? sql<SqlBool>`${sql.join(wanted, sql` and `)}` : sql<SqlBool>`true`;
}
