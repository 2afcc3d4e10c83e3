import { z } from 'zod/mini';
import { AppError } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { createProduct, deleteProduct, updateProduct } from '#lib/shared/products.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { changeableRecord, deletableRecord, visibleRecord } from './records.ts';
import { crud } from './rest/crud.ts';
import { allowed, change, query, router } from './trpc.ts';

const rest = crud('/products', { one: 'product', many: 'products' });

export const products = router({
  list: allowed('products.view', rest.list)
    .input(
      searchInput({ isActive: z.boolean(), series: field.text(200), currency: field.currency }),
    )
    .query(({ ctx, input }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'products',
            member: ctx.member,
            orderings: ['name', 'series', 'price', 'createdAt', 'updatedAt'],
            searched: ['name', 'series'],
          },
          input,
        ),
      ),
    ),

  get: allowed('products.view', rest.get)
    .input(z.strictObject({ id: field.id }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) => visibleRecord(tx, 'products', { member: ctx.member, id: input.id })),
    ),

  create: allowed('products.create', rest.create)
    .input(createProduct.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'products.create', input, async (tx) => {
        const { organizationId, memberId: createdBy } = ctx.member;
        await tx
          .insertInto('products')
          .values({ ...input, organizationId, createdBy })
          .execute();
        return productRow(tx, input.id);
      }),
    ),

  update: allowed('products.edit', rest.update)
    .input(updateProduct.input)
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'products.update', { id, ...fields }, async (tx) => {
        await changeableRecord(tx, 'products', {
          member: ctx.member,
          id,
          permission: 'products.edit',
        });
        if (Object.keys(fields).length > 0) {
          await tx.updateTable('products').set(fields).where('id', '=', id).execute();
        }
        return productRow(tx, id);
      }),
    ),

  delete: allowed('products.delete', rest.delete)
    .input(deleteProduct.input)
    .mutation(({ ctx, input: { id } }) =>
      change(ctx, 'products.delete', { id }, async (tx) => {
        await deletableRecord(tx, 'products', {
          member: ctx.member,
          id,
          permission: 'products.delete',
        });
        const { count } = await tx
          .selectFrom('dealProducts')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('productId', '=', id)
          .executeTakeFirstOrThrow();
        if (count > 0)
          throw new AppError('CONFLICT', { reason: 'productInUse', params: { count } });
        await tx.deleteFrom('products').where('id', '=', id).execute();
        return { id };
      }),
    ),
});

const productRow = (tx: Tx, id: string) =>
  tx.selectFrom('products').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
