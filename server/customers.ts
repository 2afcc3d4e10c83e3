import { sql } from 'kysely';
import { z } from 'zod/mini';
import {
  createCustomer,
  customerStatuses,
  customerTypes,
  deleteCustomer,
  restoreCustomer,
  updateCustomer,
} from '#lib/shared/customers.ts';
import { AppError } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { reachSql, type Member } from './access.ts';
import { customerTags } from './customer-list.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import {
  changeableRecord,
  deletableRecord,
  requireCover,
  requireSeen,
  visibleRecord,
} from './records.ts';
import { customerRest } from './rest/customers.ts';
import { restoreRecord } from './trash/restore.ts';
import { allowed, change, query, router } from './trpc.ts';

const asked = z.strictObject({ id: field.id });

export const customers = router({
  list: allowed('customers.view', customerRest.list)
    .input(
      searchInput({
        status: z.enum(customerStatuses),
        type: z.enum(customerTypes),
        ownerId: z.nullable(field.id),
        teamId: z.nullable(field.id),
        city: field.text(100),
        country: field.text(100),
        industry: field.text(100),
        code: field.text(20),
        email: field.text(254),
      }),
    )
    .query(({ ctx, input }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'customers',
            member: ctx.member,
            orderings: [
              'name',
              'code',
              'createdAt',
              'updatedAt',
              'status',
              'type',
              'company',
              'city',
            ],
            searched: ['code', 'name', 'company', 'email', 'phone'],
          },
          input,
        ),
      ),
    ),

  get: allowed('customers.view', customerRest.get)
    .input(asked)
    .query(({ ctx, input }) =>
      query(ctx, (tx) => visibleRecord(tx, 'customers', { member: ctx.member, id: input.id })),
    ),

  stats: allowed('customers.view', customerRest.stats)
    .input(z.strictObject({}))
    .query(({ ctx }) => query(ctx, (tx) => customerStats(tx, ctx.member))),

  create: allowed('customers.create', customerRest.create)
    .input(createCustomer.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'customers.create', input, async (tx) => {
        const { member } = ctx;
        await requireSeen(tx, member, [{ table: 'members', field: 'ownerId', id: input.ownerId }]);
        const { ownerId = member.memberId, ...fields } = input;
        await tx
          .insertInto('customers')
          .values({
            ...fields,
            ownerId,
            code: '',
            organizationId: member.organizationId,
            createdBy: member.memberId,
          })
          .execute();
        const customer = await customerRow(tx, input.id);
        requireCover(member, 'customers.create', customer);
        return customer;
      }),
    ),

  tags: allowed('customers.view').query(({ ctx }) =>
    query(ctx, (tx) => customerTags(tx, ctx.member)),
  ),

  update: allowed('customers.edit', customerRest.update)
    .input(updateCustomer.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'customers.update', input, async (tx) => {
        const { member } = ctx;
        const { id, ...fields } = input;
        await changeableRecord(tx, 'customers', { member, id, permission: 'customers.edit' });
        await requireSeen(tx, member, [{ table: 'members', field: 'ownerId', id: fields.ownerId }]);
        if (Object.keys(fields).length > 0) {
          await tx.updateTable('customers').set(fields).where('id', '=', id).execute();
        }
        return customerRow(tx, id);
      }),
    ),

  delete: allowed('customers.delete', customerRest.delete)
    .input(deleteCustomer.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'customers.delete', input, async (tx) => {
        const { member } = ctx;
        const permission = 'customers.delete';
        await deletableRecord(tx, 'customers', { member, id: input.id, permission });
        await requireNoOpenDeals(tx, member, input.id);
        await tx.deleteFrom('customers').where('id', '=', input.id).execute();
        return { id: input.id };
      }),
    ),

  restore: allowed('customers.delete', customerRest.restore)
    .input(restoreCustomer.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'customers.restore', input, async (tx) => {
        await restoreRecord(tx, ctx.member, { entity: 'customers', id: input.id });
        return customerRow(tx, input.id);
      }),
    ),
});

const customerRow = (tx: Tx, id: string) =>
  tx.selectFrom('customers').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

/** Names only the deals that the member may see; the others are counted. */
async function requireNoOpenDeals(tx: Tx, member: Member, customerId: string): Promise<void> {
  const { rows } = await sql<{ count: number; titles: string | null }>`
    select count(*) as count, string_agg(title, ', ' order by title) filter (where place <= 5) as titles
    from (select title, row_number() over (order by title) as place from (
      select case when ${reachSql(member, 'deals.view')} then title end as title from deals
      where organization_id = ${member.organizationId}::uuid and customer_id = ${customerId}::uuid and state = 'open') open
    ) placed`.execute(tx);
  const { count = 0, titles } = rows[0] ?? {};
  if (count > 0) {
    throw new AppError('CONFLICT', {
      reason: 'customerHasOpenDeals',
      params: { count, deals: titles ?? '' },
    });
  }
}

export interface CustomerStats {
  total: number;
  active: number;
  inactive: number;
  byType: Record<string, number>;
  byStatus: Record<string, number>;
}

async function customerStats(tx: Tx, member: Member): Promise<CustomerStats> {
  const rows = await tx
    .selectFrom('customers')
    .select((eb) => ['status', 'type', eb.fn.countAll<number>().as('count')])
    .where('organizationId', '=', member.organizationId)
    .where(reachSql(member, 'customers.view'))
    .groupBy(['status', 'type'])
    .execute();
  const sumOf = (test: (row: (typeof rows)[number]) => boolean) =>
    rows.filter(test).reduce((sum, { count }) => sum + count, 0);
  const countBy = (values: readonly string[], column: 'status' | 'type') =>
    Object.fromEntries(values.map((value) => [value, sumOf((row) => row[column] === value)]));
  return {
    total: sumOf(() => true),
    active: sumOf(({ status }) => status === 'active' || status === 'vip'),
    inactive: sumOf(({ status }) => status === 'inactive'),
    byType: countBy(customerTypes, 'type'),
    byStatus: countBy(customerStatuses, 'status'),
  };
}
