import { z } from 'zod/mini';
import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import * as field from '#lib/shared/fields.ts';
import { trashRest } from './rest/trash.ts';
import { trashOf } from './trash/list.ts';
import { restoreRecord } from './trash/restore.ts';
import { change, member, query, router } from './trpc.ts';
import { rules } from './undo/rules.ts';

const kinds = entityNames.filter((entity) => rules[entity] !== 'never') as [EntityName];

/** What was deleted in the last thirty days. */
export const trash = router({
  list: member
    .meta({ permission: 'member', rest: trashRest.list })
    .input(
      z.strictObject({
        entity: z.optional(z.enum(kinds)),
        actor: z.optional(field.id),
        before: z.optional(z.string().check(z.regex(/^\d{1,15}\.\d{1,15}$/))),
        limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 25),
      }),
    )
    .query(({ ctx, input }) => query(ctx, (tx) => trashOf(tx, ctx.member, input))),

  restore: member
    .meta({ permission: 'member', rest: trashRest.restore })
    .input(z.strictObject({ entity: z.enum(kinds), id: field.id }))
    .mutation(({ ctx, input }) =>
      change(ctx, 'trash.restore', input, (tx) => restoreRecord(tx, ctx.member, input)),
    ),
});
