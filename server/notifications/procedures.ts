import { sql } from 'kysely';
import { z } from 'zod/mini';
import { notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import {
  channelsOf,
  markNotifications,
  notificationKinds,
  preferNotifications,
  readAllNotifications,
  refusedNotice,
  snoozeNotifications,
} from '#lib/shared/notifications.ts';
import type { Member } from '../access.ts';
import { listInput, listRecords } from '../lists.ts';
import type { Tx } from '../live/transaction.ts';
import { notificationRest } from '../rest/notifications.ts';
import { change, member, mergeRouters, query, router } from '../trpc.ts';
import { push } from './push-procedures.ts';
import { tellRefused } from './refused.ts';
import type { RestRoute } from '../rest/route.ts';

const mine = (rest: RestRoute[]) => member.meta({ permission: 'member', rest });

const inbox = router({
  list: mine(notificationRest.list)
    .input(
      listInput({
        state: z.enum(['unread', 'read', 'snoozed', 'done']),
        kind: z.enum(notificationKinds),
        recordId: field.id,
      }),
    )
    .query(({ ctx, input }) =>
      query(ctx, async (tx) => {
        const orderings = ['-at', 'at', 'createdAt'] as const;
        const plan = { table: 'notifications', member: ctx.member, orderings } as const;
        const { items, ...page } = await listRecords(tx, plan, input);
        const shown = items.map(({ keys: _, source: __, thread: ___, ...told }) => told);
        return { ...page, items: shown };
      }),
    ),

  mark: mine(notificationRest.mark)
    .input(markNotifications.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'notifications.mark', input, (tx) =>
        set(tx, ctx.member, { ids: input.ids, state: input.state, snoozedUntil: null }),
      ),
    ),

  snooze: mine([])
    .input(snoozeNotifications.input)
    .mutation(({ ctx, input: { ids, until } }) =>
      change(ctx, 'notifications.snooze', { ids, until }, (tx) =>
        set(tx, ctx.member, { ids, state: 'snoozed', snoozedUntil: new Date(until) }),
      ),
    ),

  readAll: mine(notificationRest.readAll)
    .input(readAllNotifications.input)
    .mutation(({ ctx, input: { upTo } }) =>
      change(ctx, 'notifications.readAll', { upTo }, async (tx) => {
        const read = await tx
          .updateTable('notifications')
          .set({ state: 'read' })
          .where('memberId', '=', ctx.member.memberId)
          .where('state', '=', 'unread')
          // To the millisecond, which is all that a browser knows of a time.
          .where(sql<Date>`date_trunc('milliseconds', at)`, '<=', new Date(upTo))
          .returning('id')
          .execute();
        return { read: read.length };
      }),
    ),

  refused: mine([])
    .input(refusedNotice)
    .mutation(({ ctx, input }) =>
      change(ctx, 'notifications.refused', input, (tx) => tellRefused(tx, ctx.member, input)),
    ),

  preferences: mine(notificationRest.preferences).query(({ ctx }) =>
    query(ctx, (tx) => preferencesOf(tx, ctx.member)),
  ),

  prefer: mine(notificationRest.prefer)
    .input(preferNotifications.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'notifications.prefer', input, async (tx) => {
        const { id, kinds = {}, ...chosen } = input;
        const { organizationId, memberId } = ctx.member;
        const [, { timeZone }] = await storedPreferences(tx, ctx.member);
        await tx
          .insertInto('notificationPreferences')
          .values({
            ...{ id, organizationId, memberId, timeZone },
            ...chosen,
            kinds: JSON.stringify(kinds),
          })
          .onConflict((conflict) =>
            conflict.columns(['organizationId', 'memberId']).doUpdateSet({
              ...chosen,
              kinds: sql`notification_preferences.kinds || excluded.kinds`,
            }),
          )
          .execute();
        return preferencesOf(tx, ctx.member);
      }),
    ),
});

export const notifications = mergeRouters(inbox, push);

interface Marked {
  ids: string[];
  state: 'unread' | 'read' | 'done' | 'snoozed';
  snoozedUntil: Date | null;
}

/** Those of them that are still there; a row that was taken away meanwhile needs no mark. */
async function set(
  tx: Tx,
  { memberId }: Member,
  { ids, ...marked }: Marked,
): Promise<{ ids: string[] }> {
  const rows = await tx
    .updateTable('notifications')
    .set(marked)
    .where('memberId', '=', memberId)
    .where('id', 'in', ids)
    .returning('id')
    .execute();
  if (rows.length === 0) throw notFound();
  return { ids: rows.map(({ id }) => id) };
}

/** What is chosen, with the organization's zone where none is. */
async function storedPreferences(tx: Tx, { organizationId, memberId }: Member) {
  const organization = await tx
    .selectFrom('organizations')
    .select('timeZone')
    .where('id', '=', organizationId)
    .executeTakeFirstOrThrow();
  const chosen = await tx
    .selectFrom('notificationPreferences')
    .select(['kinds', 'digest', 'quietFrom', 'quietTo', 'timeZone'])
    .where('memberId', '=', memberId)
    .executeTakeFirst();
  return [chosen, organization] as const;
}

async function preferencesOf(tx: Tx, who: Member) {
  const [chosen, { timeZone }] = await storedPreferences(tx, who);
  const kinds = notificationKinds.map((kind) => [kind, channelsOf(chosen?.kinds, kind)] as const);
  return {
    digest: chosen?.digest ?? 'instant',
    quietFrom: chosen?.quietFrom ?? null,
    quietTo: chosen?.quietTo ?? null,
    timeZone: chosen?.timeZone ?? timeZone,
    kinds: Object.fromEntries(kinds),
  };
}
