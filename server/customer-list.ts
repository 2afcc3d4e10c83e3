import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { z } from 'zod/mini';
import {
  customerListParams,
  customerShape,
  measureStatus,
  searchTries,
  type CustomerListParams,
} from '#lib/shared/customer-list.ts';
import type { Customer } from '#lib/shared/entities.ts';
import { comparePlaces, sortText } from '#lib/shared/listings.ts';
import { totalIn } from '#lib/shared/money.ts';
import { reachSql, type Member } from './access.ts';
import { customerTotals } from './customer-totals.ts';
import { ratesOfToday } from './deal-lists.ts';
import type { ListDefinition, LoadedList } from './live/listing.ts';
import type { TotalsDefinition } from './live/totals.ts';
import type { Tx } from './live/transaction.ts';

/** Customers filtered and sorted, any number of them. */
export const customerList: ListDefinition<CustomerListParams> = {
  name: 'customerList',
  entity: 'customers',
  params: customerListParams,
  load(tx, member, params) {
    if (params.sort === 'ownerId') return byOwner(tx, member, params);
    if (params.sort === 'deals' || params.sort === 'sum') return byFigure(tx, member, params);
    return byText(tx, member, params);
  },
};

async function byText(tx: Tx, member: Member, params: CustomerListParams): Promise<LoadedList> {
  const column = params.sort === 'tags' ? sql`array_to_string(tags, ' ')` : sql.ref(params.sort);
  const key =
    params.sort === 'name'
      ? sql`sort_name`
      : sql`nullif(crm.sort_text(coalesce(${column}, '')), '') collate "C"`;
  const order = params.descending ? sql`desc nulls last` : sql`asc nulls last`;
  // One value: a hundred thousand rows of their own would keep this process busy.
  const { rows } = await sql<{ list: string | null }>`
    select string_agg(id::text || coalesce(key, ${blank}), ${end} order by key ${order}, id) as list
    from (select c.id, ${key} as key from customers c
      join customer_search s on s.organization_id = c.organization_id and s.id = c.id
      where ${fits(member, params)}) customers`.execute(tx);
  const list = rows[0]?.list?.split(end) ?? [];
  return {
    ids: list.map((one) => one.slice(0, 36)),
    keys: list.map((one) => (one.charAt(36) === blank ? null : one.slice(36))),
    shape: customerShape(params),
  };
}
// Neither can stand in a text that a person writes.
const end = '\u001e';
const blank = '\u001f';

/** By the names of the owners: when one of them changes, the order does. */
async function byOwner(tx: Tx, member: Member, params: CustomerListParams): Promise<LoadedList> {
  const members = await tx.selectFrom('members').select(['id', 'name']).execute();
  const names = new Map(members.map(({ id, name }) => [id, sortText(name)]));
  const { rows } = await sql<{ id: string; ownerId: string | null }>`
    select c.id, c.owner_id from customers c
    join customer_search s on s.organization_id = c.organization_id and s.id = c.id
    where ${fits(member, params)}`.execute(tx);
  const keyOf = ({ ownerId }: Pick<Customer, 'ownerId'>) => names.get(ownerId ?? '') ?? null;
  return { ...sorted(rows, keyOf, params), madeFrom: 'members' };
}

/** By the open deals: when a deal changes, the order may. */
async function byFigure(tx: Tx, member: Member, params: CustomerListParams): Promise<LoadedList> {
  const [groups, { currency, rates }, { ids }] = [
    await customerTotals.load(tx, member, {}),
    await ratesOfToday(tx, member),
    await byText(tx, member, { ...params, sort: 'name', descending: false }),
  ];
  const figures = new Map<
    string,
    { count: number; amounts: { value: number; currency: string }[] }
  >();
  for (const [group, sums] of groups) {
    const [id = '', currency = ''] = group.split('/');
    const [count = 0, value = 0] = sums ?? [];
    const one = figures.get(id) ?? { count: 0, amounts: [] };
    figures.set(id, { count: one.count + count, amounts: [...one.amounts, { value, currency }] });
  }
  const keyOf = ({ id }: { id: string }): string | null => {
    const one = figures.get(id);
    if (!one) return null;
    const value = params.sort === 'deals' ? one.count : totalIn(currency, one.amounts, rates).value;
    return String(Math.max(0, Math.round(value))).padStart(20, '0');
  };
  return {
    ...sorted(
      ids.map((id) => ({ id })),
      keyOf,
      params,
    ),
    madeFrom: 'deals',
  };
}

function sorted<R extends { id: string }>(
  rows: R[],
  keyOf: (row: R) => string | null,
  params: CustomerListParams,
): Pick<LoadedList, 'ids' | 'keys' | 'shape'> {
  const shape = customerShape(params, keyOf as never);
  const places = rows.map((row) => ({ id: row.id, key: keyOf(row) }));
  places.sort((a, b) => comparePlaces(a, b, shape.isDescending));
  return { ids: places.map(({ id }) => id), keys: places.map(({ key }) => key), shape };
}

/** `customerMatcher` in SQL. */
function fits(member: Member, { q = '', ...params }: CustomerListParams): RawBuilder<SqlBool> {
  const { status, type, ownerId, tag } = params;
  const tests = [
    sql<SqlBool>`c.organization_id = ${member.organizationId}::uuid`,
    reachSql(member, 'customers.view'),
  ];
  if (status) tests.push(sql<SqlBool>`status = ${status}`);
  if (type) tests.push(sql<SqlBool>`type = ${type}`);
  if (ownerId) tests.push(sql<SqlBool>`owner_id = ${ownerId}::uuid`);
  if (tag) tests.push(sql<SqlBool>`${tag} = any(tags)`);
  if (q !== '') {
    const tries = searchTries(q).map((words) => {
      const found = words.map((word) => sql<SqlBool>`strpos(search_text, ${word}) > 0`);
      return found.length === 0
        ? sql<SqlBool>`true`
        : sql<SqlBool>`(${sql.join(found, sql` and `)})`;
    });
    tests.push(sql<SqlBool>`(${sql.join(tries, sql` or `)})`);
  }
  return sql<SqlBool>`(${sql.join(tests, sql` and `)})`;
}

/** How many customers have each status. */
export const customerCounts: TotalsDefinition<object> = {
  name: 'customerCounts',
  entity: 'customers',
  params: z.strictObject({}),
  measure: () => measureStatus,
  async load(tx, member) {
    const rows = await tx
      .selectFrom('customers')
      .select(['status', sql<number>`count(*)`.as('count')])
      .where('organizationId', '=', member.organizationId)
      .where(reachSql(member, 'customers.view'))
      .groupBy('status')
      .execute();
    return rows.map(({ status, count }) => [status, [Number(count)]]);
  },
};

/** The tags that customers have, the most used first. */
export async function customerTags(tx: Tx, member: Member): Promise<string[]> {
  const { rows } = await sql<{ tag: string }>`
    select tag from customers, unnest(tags) tag
    where organization_id = ${member.organizationId}::uuid and ${reachSql(member, 'customers.view')}
    group by tag order by count(*) desc, tag limit 40`.execute(tx);
  return rows.map(({ tag }) => tag);
}
