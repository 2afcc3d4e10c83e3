import { z } from 'zod/mini';
import { notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { newId } from '#lib/shared/ids.ts';
import type { Member } from './access.ts';
import type { Tx } from './live/transaction.ts';
import { allowed, change, query, router } from './trpc.ts';

const name = field.name(100);

export const teams = router({
  list: allowed('directory.view').query(({ ctx }) =>
    query(ctx, (tx) => teamsOf(tx, ctx.member).orderBy('name').execute()),
  ),

  create: allowed('members.manage')
    .input(z.strictObject({ id: z._default(field.id, newId), name }))
    .mutation(({ ctx, input }) =>
      change(ctx, 'teams.create', input, async (tx) => {
        const { organizationId, memberId } = ctx.member;
        await tx
          .insertInto('teams')
          .values({ ...input, organizationId, createdBy: memberId })
          .execute();
        return getTeam(tx, ctx.member, input.id);
      }),
    ),

  update: allowed('members.manage')
    .input(z.strictObject({ id: field.id, name }))
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'teams.update', { id, ...fields }, async (tx) => {
        await getTeam(tx, ctx.member, id);
        await tx
          .updateTable('teams')
          .set(fields)
          .where('organizationId', '=', ctx.member.organizationId)
          .where('id', '=', id)
          .execute();
        return getTeam(tx, ctx.member, id);
      }),
    ),

  /** Its members and their records are in no team afterwards. */
  remove: allowed('members.manage')
    .input(z.strictObject({ id: field.id }))
    .mutation(({ ctx, input }) =>
      change(ctx, 'teams.remove', input, async (tx) => {
        const team = await getTeam(tx, ctx.member, input.id);
        await tx
          .deleteFrom('teams')
          .where('organizationId', '=', ctx.member.organizationId)
          .where('id', '=', input.id)
          .execute();
        return team;
      }),
    ),
});

function teamsOf(tx: Tx, { organizationId }: Member) {
  return tx
    .selectFrom('teams')
    .select(['id', 'name', 'rev'])
    .where('organizationId', '=', organizationId);
}

function getTeam(tx: Tx, me: Member, id: string) {
  return teamsOf(tx, me).where('id', '=', id).executeTakeFirstOrThrow(notFound);
}
