import { z } from 'zod/mini';
import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import * as field from '#lib/shared/fields.ts';
import { isPersonal } from './access.ts';
import { visibleRecord } from './records.ts';
import { timelineRest } from './rest/timeline.ts';
import { snakeCase, type TimelineEntry } from './timeline/entries.ts';
import { namesIn, type Names } from './timeline/names.ts';
import { pageOf } from './timeline/pages.ts';
import { member, query, router } from './trpc.ts';

const recorded = entityNames.filter((entity) => !isPersonal(entity)) as [EntityName];

const paging = {
  /** The `place` of the last entry that is known; what is older comes. */
  before: z.optional(z.string().check(z.regex(/^\d{1,15}\.\d{1,15}$/))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 25),
};

export interface TimelinePage {
  entries: TimelineEntry[];
  /** What the ids in the changes are called, as far as the member may know. */
  names: Names;
  nextBefore: string | null;
}

export const timeline = router({
  /** Who changed which field of a record from what to what, the newest first. */
  ofRecord: member
    .meta({ permission: 'member', rest: timelineRest.ofRecord })
    .input(z.strictObject({ entity: z.enum(recorded), id: field.id, ...paging }))
    .query(({ ctx, input }) =>
      query(ctx, async (tx): Promise<TimelinePage> => {
        const { entries, nextBefore } = await pageOf(tx, ctx.member, input);
        // A record that is gone is known by its history, one that is older than the log by itself.
        if (entries.length === 0)
          await visibleRecord(tx, input.entity, { member: ctx.member, id: input.id });
        return { entries, names: await namesIn(tx, ctx.member, entries), nextBefore };
      }),
    ),

  /** The same of all records that the member may see; a run of changes stands as one. */
  ofOrganization: member
    .meta({ permission: 'member', rest: timelineRest.ofOrganization })
    .input(
      z.strictObject({
        actor: z.optional(field.id),
        entity: z.optional(z.enum(recorded)),
        action: z.optional(z.enum(['created', 'changed', 'deleted', 'undone'])),
        field: z.optional(field.name(50)),
        run: z.optional(field.text(500)),
        ...paging,
      }),
    )
    .query(({ ctx, input }) =>
      query(ctx, async (tx): Promise<TimelinePage> => {
        const { field: named, ...asked } = input;
        const wanted = named === undefined ? asked : { ...asked, field: snakeCase(named) };
        const { entries, nextBefore } = await pageOf(tx, ctx.member, wanted);
        return { entries, names: await namesIn(tx, ctx.member, entries), nextBefore };
      }),
    ),
});
