import { z } from 'zod/mini';
import { AppError, badInput } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { createLostReason, deleteLostReason, updateLostReason } from '#lib/shared/stages.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { changeableRecord, deletableRecord, visibleRecord } from './records.ts';
import { crud } from './rest/crud.ts';
import { allowed, change, query, router } from './trpc.ts';

const permission = 'pipelines.manage';
const rest = crud('/lost-reasons', { one: 'reason for losing', many: 'reasons for losing' });

export const lostReasons = router({
  list: allowed('directory.view', rest.list)
    .input(searchInput({ name: field.text(100) }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'lostReasons',
            member: ctx.member,
            orderings: ['position', 'name', 'createdAt'],
            searched: ['name'],
          },
          input,
        ),
      ),
    ),

  get: allowed('directory.view', rest.get)
    .input(z.strictObject({ id: field.id }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) => visibleRecord(tx, 'lostReasons', { member: ctx.member, id: input.id })),
    ),

  create: allowed(permission, rest.create)
    .input(createLostReason.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'lostReasons.create', input, async (tx) => {
        const { organizationId, memberId: createdBy } = ctx.member;
        await tx
          .insertInto('lostReasons')
          .values({ ...input, organizationId, createdBy })
          .execute();
        return reasonRow(tx, input.id);
      }),
    ),

  update: allowed(permission, rest.update)
    .input(updateLostReason.input)
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'lostReasons.update', { id, ...fields }, async (tx) => {
        await changeableRecord(tx, 'lostReasons', { member: ctx.member, id, permission });
        if (Object.keys(fields).length > 0) {
          await tx.updateTable('lostReasons').set(fields).where('id', '=', id).execute();
        }
        return reasonRow(tx, id);
      }),
    ),

  delete: allowed(permission, rest.delete)
    .input(deleteLostReason.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'lostReasons.delete', input, async (tx) => {
        const { member } = ctx;
        const { id, replaceWith } = input;
        await deletableRecord(tx, 'lostReasons', { member, id, permission });
        if (replaceWith === undefined) await requireUnused(tx, id);
        else await replaceReason(tx, id, replaceWith);
        await tx.deleteFrom('lostReasons').where('id', '=', id).execute();
        return { id };
      }),
    ),
});

const reasonRow = (tx: Tx, id: string) =>
  tx.selectFrom('lostReasons').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

async function replaceReason(tx: Tx, id: string, replaceWith: string): Promise<void> {
  const other = await tx
    .selectFrom('lostReasons')
    .select('id')
    .where('id', '=', replaceWith)
    .executeTakeFirst();
  if (!other || other.id === id) throw badInput('replaceWith', 'notFound');
  await tx
    .updateTable('deals')
    .set({ lostReasonId: other.id })
    .where('lostReasonId', '=', id)
    .execute();
}

async function requireUnused(tx: Tx, id: string): Promise<void> {
  const { count } = await tx
    .selectFrom('deals')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('lostReasonId', '=', id)
    .executeTakeFirstOrThrow();
  if (count > 0) throw new AppError('CONFLICT', { reason: 'reasonInUse', params: { count } });
}
