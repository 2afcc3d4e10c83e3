import { sql } from 'kysely';
import { z } from 'zod/mini';
import {
  activityKinds,
  completeActivity,
  createActivity,
  deleteActivity,
  updateActivity,
} from '#lib/shared/activities.ts';
import * as field from '#lib/shared/fields.ts';
import type { Member } from './access.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { requireMentionable } from './mentions.ts';
import { changeableRecord, requireCover, requireSeen, visibleRecord } from './records.ts';
import { activityRest } from './rest/activities.ts';
import { allowed, change, query, router } from './trpc.ts';

export const activities = router({
  list: allowed('activities.view', activityRest.list)
    .input(
      searchInput({
        kind: z.enum(activityKinds),
        dealId: field.id,
        customerId: field.id,
        ownerId: z.nullable(field.id),
        isDone: z.boolean(),
      }),
    )
    .query(({ ctx, input: { isDone, ...input } }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'activities',
            member: ctx.member,
            orderings: ['dueAt', 'createdAt', 'updatedAt', 'doneAt', 'title', 'kind'],
            searched: ['title', 'body'],
            where: isDone === undefined ? [] : [sql`(done_at is not null) = ${isDone}`],
          },
          input,
        ),
      ),
    ),

  get: allowed('activities.view', activityRest.get)
    .input(z.strictObject({ id: field.id }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) => visibleRecord(tx, 'activities', { member: ctx.member, id: input.id })),
    ),

  create: allowed('activities.create', activityRest.create)
    .input(createActivity.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'activities.create', input, async (tx) => {
        const { member } = ctx;
        await requireTargets(tx, member, input);
        const { ownerId = member.memberId, dueAt, doneAt, ...fields } = input;
        await tx
          .insertInto('activities')
          .values({
            ...fields,
            ownerId,
            dueAt: dateOf(dueAt) ?? null,
            doneAt: dateOf(doneAt) ?? null,
            organizationId: member.organizationId,
            createdBy: member.memberId,
          })
          .execute();
        const activity = await activityRow(tx, input.id);
        requireCover(member, 'activities.create', activity);
        await requireMentionable(tx, member, activity);
        return activity;
      }),
    ),

  update: allowed('activities.edit', activityRest.update)
    .input(updateActivity.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'activities.update', input, async (tx) => {
        const { member } = ctx;
        const { id, dueAt, ...fields } = input;
        const permission = 'activities.edit';
        const before = await changeableRecord(tx, 'activities', { member, id, permission });
        await requireTargets(tx, member, input);
        const set = { ...fields, ...(dueAt === undefined ? {} : { dueAt: dateOf(dueAt) }) };
        if (Object.keys(set).length > 0) {
          await tx.updateTable('activities').set(set).where('id', '=', id).execute();
        }
        const activity = await activityRow(tx, id);
        await requireMentionable(tx, member, activity, before.mentions);
        return activity;
      }),
    ),

  complete: allowed('activities.edit', activityRest.complete)
    .input(completeActivity.input)
    .mutation(({ ctx, input: { id, isDone } }) =>
      change(ctx, 'activities.complete', { id, isDone }, async (tx) => {
        const permission = 'activities.edit';
        const activity = await changeableRecord(tx, 'activities', {
          member: ctx.member,
          id,
          permission,
        });
        if (isDone !== (activity.doneAt !== null)) {
          const doneAt = isDone ? sql<Date>`now()` : null;
          await tx.updateTable('activities').set({ doneAt }).where('id', '=', id).execute();
        }
        return activityRow(tx, id);
      }),
    ),

  delete: allowed('activities.delete', activityRest.delete)
    .input(deleteActivity.input)
    .mutation(({ ctx, input: { id } }) =>
      change(ctx, 'activities.delete', { id }, async (tx) => {
        const permission = 'activities.delete';
        await changeableRecord(tx, 'activities', { member: ctx.member, id, permission });
        await tx.deleteFrom('activities').where('id', '=', id).execute();
        return { id };
      }),
    ),
});

const activityRow = (tx: Tx, id: string) =>
  tx.selectFrom('activities').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

interface Targets {
  dealId?: string | null | undefined;
  customerId?: string | null | undefined;
  ownerId?: string | null | undefined;
}

function requireTargets(
  tx: Tx,
  member: Member,
  { dealId, customerId, ownerId }: Targets,
): Promise<void> {
  return requireSeen(tx, member, [
    { table: 'deals', field: 'dealId', id: dealId },
    { table: 'customers', field: 'customerId', id: customerId },
    { table: 'members', field: 'ownerId', id: ownerId },
  ]);
}

const dateOf = <T extends null | undefined>(moment: number | T): Date | T =>
  typeof moment === 'number' ? new Date(moment) : moment;
