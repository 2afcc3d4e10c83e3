import { setFollow } from '#lib/shared/notifications.ts';
import { visibleRecord } from './records.ts';
import { change, member, router } from './trpc.ts';

export const follows = router({
  /** Follows a record, mutes it, or leaves it to what is usual: owners and authors follow. */
  set: member
    .meta({ permission: 'member' })
    .input(setFollow.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'follows.set', input, async (tx) => {
        const { organizationId, memberId } = ctx.member;
        const { id, entity, recordId, state } = input;
        await visibleRecord(tx, entity, { member: ctx.member, id: recordId });
        if (state === 'asUsual') {
          await tx
            .deleteFrom('follows')
            .where('memberId', '=', memberId)
            .where('entity', '=', entity)
            .where('recordId', '=', recordId)
            .execute();
        } else {
          await tx
            .insertInto('follows')
            .values({ id, organizationId, memberId, entity, recordId, state })
            .onConflict((conflict) =>
              conflict
                .columns(['organizationId', 'memberId', 'entity', 'recordId'])
                .doUpdateSet({ state }),
            )
            .execute();
        }
        return { recordId, state };
      }),
    ),
});
