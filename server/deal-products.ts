import { badInput } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { addDealProduct, removeDealProduct, updateDealProduct } from '#lib/shared/products.ts';
import { changeableDeal } from './deals.ts';
import { listInput, listRecords } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { visibleRecord } from './records.ts';
import { dealProductRest } from './rest/deals.ts';
import { allowed, change, query, router } from './trpc.ts';

/** The lines of a deal: who may change the deal may change them. */
export const dealProducts = router({
  list: allowed('deals.view', dealProductRest.list)
    .input(listInput({ dealId: field.id, productId: field.id }))
    .query(({ ctx, input }) =>
      query(ctx, async (tx) => {
        const { member } = ctx;
        if (input.dealId) await visibleRecord(tx, 'deals', { member, id: input.dealId });
        const orderings = ['createdAt', 'updatedAt'] as const;
        return listRecords(tx, { table: 'dealProducts', member, orderings: [...orderings] }, input);
      }),
    ),

  add: allowed('deals.edit', dealProductRest.add)
    .input(addDealProduct.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'dealProducts.add', input, async (tx) => {
        const { organizationId, memberId: createdBy } = ctx.member;
        await changeableDeal(tx, ctx.member, input.dealId, 'deals.edit');
        const product = await tx
          .selectFrom('products')
          .select(['price', 'currency'])
          .where('id', '=', input.productId)
          .executeTakeFirst();
        if (!product) throw badInput('productId', 'notFound');
        const { unitPrice = product.price, currency = product.currency, ...line } = input;
        await tx
          .insertInto('dealProducts')
          .values({ ...line, unitPrice, currency, organizationId, createdBy })
          .execute();
        return lineRow(tx, input.id);
      }),
    ),

  update: allowed('deals.edit', dealProductRest.update)
    .input(updateDealProduct.input)
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'dealProducts.update', { id, ...fields }, async (tx) => {
        const line = await visibleRecord(tx, 'dealProducts', { member: ctx.member, id });
        await changeableDeal(tx, ctx.member, line.dealId, 'deals.edit');
        if (Object.keys(fields).length > 0) {
          await tx.updateTable('dealProducts').set(fields).where('id', '=', id).execute();
        }
        return lineRow(tx, id);
      }),
    ),

  remove: allowed('deals.edit', dealProductRest.remove)
    .input(removeDealProduct.input)
    .mutation(({ ctx, input: { id } }) =>
      change(ctx, 'dealProducts.remove', { id }, async (tx) => {
        const line = await visibleRecord(tx, 'dealProducts', { member: ctx.member, id });
        await changeableDeal(tx, ctx.member, line.dealId, 'deals.edit');
        await tx.deleteFrom('dealProducts').where('id', '=', id).execute();
        return { id };
      }),
    ),
});

const lineRow = (tx: Tx, id: string) =>
  tx.selectFrom('dealProducts').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
