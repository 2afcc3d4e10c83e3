import { sql } from 'kysely';
import { z } from 'zod/mini';
import { AppError, notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { newId } from '#lib/shared/ids.ts';
import { fingerprint, newSecret, sign } from './auth/secrets.ts';
import { grantableRole } from './members.ts';
import { allowed, change, query, router } from './trpc.ts';

const days = 7;

export const invitations = router({
  /** Those that can still be accepted. */
  list: allowed('members.manage').query(({ ctx }) =>
    query(ctx, (tx) =>
      tx
        .selectFrom('invitations')
        .select(['id', 'email', 'roleId', 'teamId', 'memberId', 'expiresAt', 'createdAt'])
        .where('organizationId', '=', ctx.member.organizationId)
        .where('acceptedAt', 'is', null)
        .where('expiresAt', '>', sql<Date>`now()`)
        .orderBy('createdAt', 'desc')
        .execute(),
    ),
  ),

  /** Answers the token of the link, which is shown this once and stored nowhere. */
  create: allowed('members.manage')
    .input(
      z.strictObject({
        email: z.optional(z.nullable(z.email().check(z.toLowerCase(), z.maxLength(200)))),
        roleId: field.id,
        teamId: z.optional(z.nullable(field.id)),
        memberId: z.optional(z.nullable(field.id)),
      }),
    )
    .mutation(async ({ ctx, input }) => {
      const { organizationId, memberId, slug } = ctx.member;
      const who = [organizationId, memberId];
      const token = repeatable(ctx.app.config.secretKeys, who, ctx.mutationId);
      const done = await change(ctx, 'invitations.create', input, async (tx) => {
        await grantableRole(tx, ctx.member, input.roleId);
        if (input.memberId) {
          const member = await tx
            .selectFrom('members')
            .select('userId')
            .where('organizationId', '=', organizationId)
            .where('id', '=', input.memberId)
            .executeTakeFirstOrThrow(notFound);
          if (member.userId) throw new AppError('CONFLICT', { reason: 'hasAccount' });
        }
        return tx
          .insertInto('invitations')
          .values({
            ...input,
            id: newId(),
            organizationId,
            createdBy: memberId,
            tokenHash: fingerprint(token),
            expiresAt: sql<Date>`now() + make_interval(days => ${days})`,
          })
          .returning(['id', 'email', 'expiresAt'])
          .executeTakeFirstOrThrow();
      });
      return { ...done, data: { ...done.data, slug, path: `/invite/${token}` } };
    }),

  revoke: allowed('members.manage')
    .input(z.strictObject({ id: field.id }))
    .mutation(({ ctx, input }) =>
      change(ctx, 'invitations.revoke', input, async (tx) => {
        return tx
          .deleteFrom('invitations')
          .where('organizationId', '=', ctx.member.organizationId)
          .where('id', '=', input.id)
          .where('acceptedAt', 'is', null)
          .returning('id')
          .executeTakeFirstOrThrow(notFound);
      }),
    ),
});

// The stored answer of a change must not hold the token, so a repeated call makes the same one again.
function repeatable([newest]: string[], who: string[], mutationId: string | undefined): string {
  return mutationId && newest
    ? sign('invitation', newest, JSON.stringify([...who, mutationId]))
    : newSecret();
}
