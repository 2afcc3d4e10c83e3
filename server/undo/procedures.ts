import { sql } from 'kysely';
import { z } from 'zod/mini';
import { AppError, notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import type { Tx } from '../live/transaction.ts';
import type { Member } from '../access.ts';
import { undoRest } from '../rest/undo.ts';
import { change, member, query, router, type MemberContext } from '../trpc.ts';
import type { UndoAnswer, Work } from './answer.ts';
import { fallenWith, mayRestore, rootOf } from './fallen.ts';
import { loggedRows, trackedTables, type Logged, type Target } from './logged.ts';
import { rehearse } from './rehearse.ts';
import { seenAmong } from './standing.ts';
import { takeBack } from './take-back.ts';
import { inOnePiece, whyKept } from './told.ts';

const pageRows = 500;
/** Rows of the log that are looked through at once. */
const chunkRows = 2_000;

const place = z.int().check(z.minimum(1));
const input = z
  .strictObject({
    /** A change by its place in the log; or all that carry the name of a run, an import for instance. */
    position: z.optional(place),
    /** Several that are told as one. */
    positions: z.optional(z.array(place).check(z.minLength(1), z.maxLength(100))),
    run: z.optional(field.text(500)),
    /** A change of one's own, by the id that it was sent with. */
    mutation: z.optional(field.text(200)),
    /** The `nextCursor` of the page before; a run is undone page by page. */
    cursor: z.optional(z.string().check(z.regex(/^\d{1,15}\.\d{1,15}@\d{1,15}$/))),
  })
  .check(
    z.refine(
      ({ position, positions, run, mutation }) =>
        [position, positions, run, mutation].filter((one) => one !== undefined).length === 1,
      'oneOf',
    ),
  );

type Asked = z.infer<typeof input>;

export const undo = router({
  /** What an undo would do and what would stay, without doing it. */
  preview: member
    .meta({ permission: 'member', rest: undoRest.preview })
    .input(input)
    .query(async ({ ctx, input: asked }) => {
      const target = await targetOf(ctx, asked);
      return rehearse(ctx, (tx) => undoPage(tx, ctx, { target, cursor: asked.cursor, head: 0 }));
    }),

  /** Takes back what can be taken back, as a change like any other. */
  run: member
    .meta({ permission: 'member', rest: undoRest.run })
    .input(input)
    .mutation(async ({ ctx, input: asked }) => {
      const head = Number(asked.cursor?.split('@')[1] ?? (await headOf(ctx)));
      const target = await targetOf(ctx, asked);
      const runId =
        'run' in target
          ? `undo-run:${target.run}@${head}`
          : `undo:${Math.max(...target.positions)}`;
      return change({ ...ctx, runId }, 'undo.run', asked, (tx) =>
        undoPage(tx, ctx, { target, cursor: asked.cursor, head }),
      );
    }),
});

/** Takes the next rows back, and goes on while there is nothing of them that the member may know of. */
async function undoPage(
  tx: Tx,
  { member: who }: MemberContext,
  { target, cursor, head }: { target: Target; cursor: string | undefined; head: number },
): Promise<UndoAnswer> {
  for (let after = cursor?.split('@')[0]; ;) {
    const { page, next } = await pageAfter(tx, who, { target, after });
    const work = await takeBack(tx, who, page);
    after = next;
    if (!tells(work)) {
      if (after) continue;
      // What the member sees nothing of does not exist.
      if (!cursor) throw notFound();
    }
    if (!cursor && !after) refuseIfForbidden(work);
    return {
      undone: inOnePiece(work.undone),
      kept: await whyKept(tx, work.kept),
      nextCursor: after ? `${after}@${head}` : null,
    };
  }
}

const tells = ({ undone, kept }: Work): boolean => undone.length + kept.length > 0;

/**
 * The next rows that the member may know of, with those that fall back into place beside them, and whether
 * there are more of the former: what he may not see has no part in where a page ends.
 */
async function pageAfter(
  tx: Tx,
  who: Member,
  { target, after }: { target: Target; after: string | undefined },
): Promise<{ page: Logged[]; next: string | undefined }> {
  const tables = await trackedTables(tx);
  const page: Logged[] = [];
  const known: Logged[] = [];
  for (let from = after; ;) {
    const rows = await loggedRows(tx, target, { after: from, most: chunkRows });
    const seen = new Set(await seenAmong(tx, who, { rows, tables }));
    const fallen = await fallenWith(
      tx,
      rows.filter((row) => !seen.has(row)),
      tables,
    );
    const comesBack = (row: Logged) => fallen.has(row) && mayRestore(who, rootOf(row, fallen));
    page.push(...rows.filter((row) => seen.has(row) || comesBack(row)));
    known.push(...seen);
    const last = rows.at(-1);
    if (known.length > pageRows || !last || rows.length < chunkRows) break;
    from = placeOf(last);
  }
  const end = known.length > pageRows ? known[pageRows - 1] : undefined;
  if (!end) return { page, next: undefined };
  return { page: page.slice(0, page.indexOf(end) + 1), next: placeOf(end) };
}

const placeOf = ({ pos, ord }: Logged): string => `${pos}.${ord}`;

async function targetOf(
  ctx: MemberContext,
  { position, positions, run, mutation }: Asked,
): Promise<Target> {
  if (run !== undefined) return { run };
  if (mutation === undefined) return { positions: positions ?? [position ?? 0] };
  // Of one that altered nothing the position is another's.
  const { rows } = await query(ctx, (tx) =>
    sql<{ pos: number }>`
      select t.pos from sync.mutations m
      join sync.change_tx t on t.organization_id = m.organization_id and t.pos = m.pos and t.mutation_id = m.mutation_id
      where m.organization_id = sync.org() and m.actor = ${ctx.member.memberId} and m.mutation_id = ${mutation}`.execute(
      tx,
    ),
  );
  const [found] = rows;
  if (!found) throw notFound();
  return { positions: [found.pos] };
}

function refuseIfForbidden({ undone, kept }: Work): void {
  if (undone.length === 0 && kept.every(({ reason }) => reason === 'notYours'))
    throw new AppError('FORBIDDEN', { reason: 'notYours' });
}

async function headOf(ctx: MemberContext): Promise<number> {
  const { rows } = await query(ctx, (tx) =>
    sql<{ head: number }>`select sync.head(sync.org()) as head`.execute(tx),
  );
  return rows[0]?.head ?? 0;
}
