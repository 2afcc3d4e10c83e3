import { sql, type RawBuilder } from 'kysely';
import type { PoolClient } from 'pg';
import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import { isPersonal, type Member } from '../access.ts';
import { reachesOf, type Reach } from '../history-reach.ts';
import { type Tx } from '../live/transaction.ts';

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Tables of records; what is one person's own has no past for others, and is left out. */
const tables = new Map<string, EntityName>(
  entityNames.filter((entity) => !isPersonal(entity)).map((entity) => [snake(entity), entity]),
);

interface Moment {
  member: Member;
  position: number;
}

/**
 * A connection that reads the past: in whatever query goes through it, the tables of records hold what
 * they held at a position of the log, of the records that the member may see now. So the loaders of live
 * topics, figures and lists answer for a moment without knowing of it. Each table becomes a common
 * table expression of its own name: today's rows, with those that have changed since as they were.
 */
export async function asOf(tx: Tx, client: PoolClient, moment: Moment): Promise<PoolClient> {
  const reaches = await reachesOf(tx, moment.member);
  const query = (asked: string | Asked, given?: unknown[]): unknown => {
    const {
      text,
      values = [],
      ...how
    } = typeof asked === 'string' ? { text: asked, values: given } : asked;
    // As an object: the text is one of its kind, and is not worth a prepared statement.
    return client.query({ ...how, ...shadowed(tx, text, values, { ...moment, reaches }) });
  };
  return { query } as unknown as PoolClient;
}

interface Asked {
  text: string;
  values?: unknown[];
  rowMode?: 'array';
}

function shadowed(
  tx: Tx,
  text: string,
  values: readonly unknown[],
  { reaches, ...moment }: Moment & { reaches: Reach[] },
): { text: string; values: unknown[] } {
  const unqualified = text.replace(/"crm"\./g, '');
  const names = [...namesIn(unqualified)];
  if (names.length === 0) return { text, values: [...values] };
  const shadows = names.map((name) => {
    const entity = tables.get(name);
    return entity ? tableAt(entity, moment, reaches) : customerSearch;
  });
  const { sql: head, parameters } = sql`with ${sql.join(shadows)}`.compile(tx);
  const moved = head.replace(/\$(\d+)/g, (_, at) => `$${Number(at) + values.length}`);
  const rest = /^\s*with\s/i.test(unqualified)
    ? unqualified.replace(/^\s*with\s/i, ', ')
    : ` ${unqualified}`;
  return { text: moved + rest, values: [...values, ...parameters] };
}

/** The tables that a query names, with those that they are made from before them. */
function namesIn(text: string): Set<string> {
  const words = new Set(text.match(/[a-z_]+/g));
  const names = new Set<string>();
  if (words.has('customer_search')) names.add('customers').add('customer_search');
  for (const name of tables.keys()) if (words.has(name)) names.add(name);
  return names;
}

function tableAt(
  entity: EntityName,
  { position }: Moment,
  reaches: readonly Reach[],
): RawBuilder<unknown> {
  const name = snake(entity);
  const table = sql.table(`crm.${name}`);
  const isSeen = reaches.find((reach) => reach.entity === entity)?.isSeen ?? sql`false`;
  return sql`${sql.ref(name)} as (
    with later as materialized (
      select distinct on (l.id) l.id, l.op, l.before, l.after
      from sync.change_tx t join sync.change_log l
        on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
      where t.organization_id = sync.org() and t.pos > ${position}::bigint and l.entity = ${entity}
      order by l.id, t.pos, l.ord)
    select x.* from ${table} x
    where x.organization_id = sync.org() and not exists (select from later where later.id = x.id) and ${isSeen}
    union all
    select x.* from later,
      jsonb_populate_record(null::${table}, case later.op when 'U' then later.after || later.before else later.before end) x
    where later.op <> 'I' and ${isSeen})`;
}

/** Beside the record and out of the log, so it is made anew from what the customer was. */
const customerSearch = sql`customer_search as (
  select organization_id, id, crm.sort_text(name) collate "C" as sort_name, crm.plain_text(concat_ws(' ', nullif(code, ''), nullif(name, ''),
    nullif(company, ''), nullif(email, ''), nullif(phone, ''), nullif(city, ''))) as search_text
  from customers)`;
