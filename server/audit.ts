import { z } from 'zod/mini';
import * as field from '#lib/shared/fields.ts';
import { noteAct } from './audit/events.ts';
import { csvOf } from './audit/csv.ts';
import { auditEntries, type AuditAsked, type AuditEntry } from './audit/entries.ts';
import { wholeHistory } from './history.ts';
import { auditRest } from './rest/audit.ts';
import { allowed, query, router } from './trpc.ts';

const moment = z.pipe(
  z.string().check(
    z.maxLength(40),
    z.refine((text) => !Number.isNaN(Date.parse(text))),
  ),
  z.transform((text) => new Date(text)),
);

const filter = {
  /** A member, or the name of a worker. */
  actor: z.optional(field.text(100)),
  /** An entity's name; `auditEvents` are acts that change no record. */
  entity: z.optional(field.text(50)),
  id: z.optional(field.id),
  since: z.optional(moment),
  until: z.optional(moment),
};

const mostExported = 50_000;
const exportedAtOnce = 1_000;

export interface AuditPage {
  entries: AuditEntry[];
  nextBefore: string | null;
}

/** Everything that was done in the organization, for those who manage it. */
export const audit = router({
  list: allowed('organization.manage', auditRest.list)
    .input(
      z.strictObject({
        ...filter,
        before: z.optional(z.string().check(z.regex(/^\d{1,15}\.\d{1,15}$/))),
        limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 50),
      }),
    )
    .query(({ ctx, input }) =>
      query(ctx, async (tx): Promise<AuditPage> => {
        const rows = await wholeHistory(tx, { ...input, limit: input.limit + 1 });
        const entries = await auditEntries(tx, rows.slice(0, input.limit));
        const isMore = rows.length > input.limit;
        return { entries, nextBefore: isMore ? (entries.at(-1)?.place ?? null) : null };
      }),
    ),

  /** How far the history is sealed, what the last look at all of it has found, how long acts are told of. */
  state: allowed('organization.manage', auditRest.state).query(({ ctx }) =>
    query(ctx, async (tx) => {
      const seal = await tx
        .selectFrom('sync.seals')
        .select(['toPos', 'at'])
        .orderBy('toPos', 'desc')
        .limit(1)
        .executeTakeFirst();
      const check = await tx
        .selectFrom('sync.sealChecks')
        .select(['sealedTo', 'at', 'findings'])
        .executeTakeFirst();
      const clock = await tx.selectFrom('sync.orgClock').select('pos').executeTakeFirst();
      return {
        position: clock?.pos ?? 0,
        sealed: seal ? { position: seal.toPos, at: seal.at } : null,
        checked: check
          ? { position: check.sealedTo, at: check.at, findings: check.findings }
          : null,
        keepActsDays: ctx.app.config.keepActsDays,
      };
    }),
  ),

  /** What the filter finds as a table, which is itself written down. */
  export: allowed('organization.manage', auditRest.export)
    .input(z.strictObject(filter))
    .mutation(async ({ ctx, input }) => {
      const entries: AuditEntry[] = [];
      for (let before: string | undefined; entries.length < mostExported;) {
        const asked: AuditAsked = { ...input, before, limit: exportedAtOnce };
        const page = await query(ctx, async (tx) =>
          auditEntries(tx, await wholeHistory(tx, asked)),
        );
        entries.push(...page);
        before = page.at(-1)?.place;
        if (page.length < exportedAtOnce) break;
      }
      const { ip, userAgent, requestId } = ctx;
      await noteAct(ctx.app, ctx.member, {
        kind: 'exported',
        ip,
        userAgent,
        requestId,
        about: { what: 'audit', rows: entries.length },
      });
      return { name: 'audit.csv', csv: csvOf(entries), isWhole: entries.length < mostExported };
    }),
});
