import { sql } from 'kysely';
import { z } from 'zod/mini';
import { columnsOf } from '#lib/shared/entities.ts';
import * as field from '#lib/shared/fields.ts';
import type { Member } from './access.ts';
import type { Tx } from './live/transaction.ts';
import { visibleRecord } from './records.ts';
import { timelineRest } from './rest/timeline.ts';
import { member, query, router } from './trpc.ts';

const recorded = [
  'deals',
  'customers',
  'activities',
  'products',
  'pipelines',
  'stages',
  'members',
] as const;

export const timeline = router({
  /** Who changed which field of a record from what to what, the newest first. */
  ofRecord: member
    .meta({ permission: 'member', rest: timelineRest })
    .input(
      z.strictObject({
        entity: z.enum(recorded),
        id: field.id,
        /** The `place` of the last entry that is known; what is older comes. */
        before: z.optional(z.string().check(z.regex(/^\d{1,15}\.\d{1,15}$/))),
        limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 25),
      }),
    )
    .query(({ ctx, input }) =>
      query(ctx, async (tx) => {
        await visibleRecord(tx, input.entity, { member: ctx.member, id: input.id });
        return entriesOf(tx, ctx.member, input);
      }),
    ),
});

export interface FieldChange {
  field: string;
  from: unknown;
  to: unknown;
}

export interface TimelineEntry {
  place: string;
  at: Date;
  /** Undefined where somebody past the application did it, in psql for instance. */
  actor: { memberId: string | null; name: string } | undefined;
  action: 'created' | 'changed' | 'deleted';
  /** The currency of the amounts in it, where the record has one. */
  currency: string | null;
  changes: FieldChange[];
}

interface Asked {
  entity: (typeof recorded)[number];
  id: string;
  before?: string | undefined;
  limit: number;
}

interface LogRow {
  pos: number;
  ord: number;
  at: Date;
  op: 'I' | 'U' | 'D';
  actor: string | null;
  memberId: string | null;
  memberName: string | null;
  currency: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** Where a card lies in its column is no news. */
const unnamed = ['rank', 'position'];

async function entriesOf(
  tx: Tx,
  { organizationId }: Member,
  { entity, id, before, limit }: Asked,
): Promise<{ entries: TimelineEntry[]; nextBefore: string | null }> {
  const told = columnsOf(entity).filter((column) => !unnamed.includes(column));
  const columns = told.map(snakeCase);
  const [pos, ord] = before?.split('.') ?? [];
  const { rows } = await sql<LogRow>`
    select t.pos, l.ord, l.at, l.op::text as op, t.actor, m.id as member_id, m.name as member_name,
      l.after ->> 'currency' as currency,
      case when l.op = 'U' then l.before end as before, case when l.op = 'U' then l.after end as after
    from sync.change_log l
    join sync.change_tx t on t.xid = l.xid and t.organization_id = l.organization_id and t.at = l.at
    left join members m on m.organization_id = l.organization_id and m.id::text = t.actor
    where l.organization_id = ${organizationId}::uuid and l.entity = ${entity} and l.id = ${id}::uuid
      and (l.op <> 'U' or l.before ?| ${columns}::text[])
      and ${pos === undefined ? sql`true` : sql`(t.pos, l.ord) < (${pos}::bigint, ${ord}::bigint)`}
    order by t.pos desc, l.ord desc limit ${limit + 1}`.execute(tx);
  const entries = rows.slice(0, limit).map((row) => entryOf(row, told));
  return { entries, nextBefore: rows.length > limit ? (entries.at(-1)?.place ?? null) : null };
}

const actions = { I: 'created', U: 'changed', D: 'deleted' } as const;

function entryOf(
  { pos, ord, at, op, actor, memberId, memberName, currency, before, after }: LogRow,
  told: string[],
): TimelineEntry {
  return {
    place: `${pos}.${ord}`,
    at,
    actor: actor === null ? undefined : { memberId, name: memberName ?? actor },
    action: actions[op],
    currency,
    changes: told.flatMap((name): FieldChange[] => {
      const column = snakeCase(name);
      if (!before || !Object.hasOwn(before, column)) return [];
      return [{ field: name, from: before[column], to: after?.[column] ?? null }];
    }),
  };
}

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
