import { sql } from 'kysely';
import { customerTotalsParams, measureCustomer } from '#lib/shared/customer-totals.ts';
import { reachSql } from './access.ts';
import type { TotalsDefinition } from './live/totals.ts';

/** Count and sum of the open deals of every customer, by currency. */
export const customerTotals: TotalsDefinition<object> = {
  name: 'customerTotals',
  entity: 'deals',
  params: customerTotalsParams,
  measure: () => measureCustomer,
  async load(tx, member) {
    const rows = await tx
      .selectFrom('deals')
      .select([
        'customerId',
        'currency',
        sql<number>`count(*)`.as('count'),
        sql<number>`coalesce(sum(value), 0)::float8`.as('sum'),
      ])
      .where('organizationId', '=', member.organizationId)
      .where('state', '=', 'open')
      .where('customerId', 'is not', null)
      .where(reachSql(member, 'deals.view'))
      .groupBy(['customerId', 'currency'])
      .execute();
    return rows.map(({ customerId, currency, count, sum }) => [
      `${customerId}/${currency}`,
      [count, sum].map(Number),
    ]);
  },
};
