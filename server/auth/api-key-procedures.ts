import { sql } from 'kysely';
import { z } from 'zod/mini';
import { everyScope } from '#lib/shared/api-keys.ts';
import { notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { newId } from '#lib/shared/ids.ts';
import { requirePermission } from '../access.ts';
import { originOf, writeAct } from '../audit/events.ts';
import { allowed, change, query, router } from '../trpc.ts';
import { newKey, prefixOf } from './api-keys.ts';
import { fingerprint } from './secrets.ts';

const manage = allowed('apiKeys.manage');
const days = z.int().check(z.minimum(1), z.maximum(3650));

export const apiKeys = router({
  /** When each key was last used: kept beside the keys, which are live. */
  uses: manage.query(({ ctx }) =>
    query(ctx, (tx) =>
      tx
        .selectFrom('apiKeyUses')
        .select(['keyId', 'at'])
        .where('organizationId', '=', ctx.member.organizationId)
        .execute(),
    ),
  ),

  /**
   * Answers the key, which is shown this once and stored nowhere: a call that comes again is told of the
   * key it made without it.
   */
  create: manage
    .input(
      z.strictObject({
        id: z._default(field.id, newId),
        name: field.name(100),
        scopes: z.array(z.enum(everyScope)).check(z.minLength(1), z.maxLength(everyScope.length)),
        /** In how many days it ends; without, when it is revoked. */
        days: z.optional(z.nullable(days)),
      }),
    )
    .mutation(async ({ ctx, input }) => {
      const { organizationId, memberId } = ctx.member;
      const key = newKey();
      const done = await change(ctx, 'apiKeys.create', input, async (tx) => {
        const { id, name, scopes } = input;
        for (const scope of scopes) requirePermission(ctx.member, scope);
        const about = { name, scopes };
        await writeAct(tx, ctx.member, { kind: 'keyMade', ...originOf(ctx), about });
        return tx
          .insertInto('apiKeys')
          .values({
            id,
            organizationId,
            memberId,
            name,
            scopes,
            prefix: prefixOf(key),
            secretHash: fingerprint(key),
            expiresAt: input.days
              ? sql<Date>`now() + make_interval(days => ${input.days}::int)`
              : null,
          })
          .returning(['id', 'name', 'prefix', 'scopes', 'expiresAt'])
          .executeTakeFirstOrThrow();
      });
      const isThis = done.data.prefix === prefixOf(key);
      return { ...done, data: { ...done.data, key: isThis ? key : null } };
    }),

  revoke: manage.input(z.strictObject({ id: field.id })).mutation(({ ctx, input }) =>
    change(ctx, 'apiKeys.revoke', input, async (tx) => {
      const { organizationId } = ctx.member;
      const revoked = await tx
        .updateTable('apiKeys')
        .set({ revokedAt: sql<Date>`coalesce(revoked_at, now())` })
        .where('organizationId', '=', organizationId)
        .where('id', '=', input.id)
        .returning(['id', 'name'])
        .executeTakeFirstOrThrow(notFound);
      const about = { name: revoked.name };
      await writeAct(tx, ctx.member, { kind: 'keyRevoked', ...originOf(ctx), about });
      return { id: revoked.id };
    }),
  ),
});
