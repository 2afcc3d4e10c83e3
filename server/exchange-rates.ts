import * as field from '#lib/shared/fields.ts';
import { deleteExchangeRate, setExchangeRate } from '#lib/shared/products.ts';
import { badInput } from '#lib/shared/errors.ts';
import { listInput, listRecords } from './lists.ts';
import { deletableRecord } from './records.ts';
import { crud } from './rest/crud.ts';
import { allowed, change, query, router } from './trpc.ts';

const permission = 'organization.manage';
const rest = crud('/exchange-rates', { one: 'exchange rate', many: 'exchange rates' });

export const exchangeRates = router({
  list: allowed('directory.view', rest.list)
    .input(listInput({ currency: field.currency, validFrom: field.day }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'exchangeRates',
            member: ctx.member,
            orderings: ['-validFrom', 'currency', 'rate'],
          },
          input,
        ),
      ),
    ),

  /** A day has one rate of a currency: setting it again changes it. */
  set: allowed(permission, rest.create)
    .input(setExchangeRate.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'exchangeRates.set', input, async (tx) => {
        const { organizationId, memberId: createdBy } = ctx.member;
        const own = await tx
          .selectFrom('organizations')
          .select('currency')
          .executeTakeFirstOrThrow();
        if (own.currency === input.currency) throw badInput('currency', 'ownCurrency');
        return tx
          .insertInto('exchangeRates')
          .values({ ...input, organizationId, createdBy })
          .onConflict((conflict) =>
            conflict
              .columns(['organizationId', 'currency', 'validFrom'])
              .doUpdateSet({ rate: input.rate }),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
      }),
    ),

  delete: allowed(permission, rest.delete)
    .input(deleteExchangeRate.input)
    .mutation(({ ctx, input: { id } }) =>
      change(ctx, 'exchangeRates.delete', { id }, async (tx) => {
        await deletableRecord(tx, 'exchangeRates', { member: ctx.member, id, permission });
        await tx.deleteFrom('exchangeRates').where('id', '=', id).execute();
        return { id };
      }),
    ),
});
