import { sql } from 'kysely';
import { z } from 'zod/mini';
import { AppError, badInput } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import {
  changeableDeal,
  dealRow,
  moveWithinPipeline,
  type DealPlace,
  type DealRow,
} from './deals.ts';
import type { Tx } from './live/transaction.ts';
import { dealRest } from './rest/deals.ts';
import { allowed, change, router } from './trpc.ts';

const target = { id: field.id, stageId: z.optional(field.id) };
const closing = { ...target, closedOn: z.optional(field.day) };

/** Won, lost and reopened: moves to a stage of that kind, for callers who name no stage. */
export const dealStates = router({
  markWon: allowed('deals.edit', dealRest.markWon)
    .input(z.strictObject({ ...closing, value: z.optional(z.nullable(field.amount)) }))
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.markWon', input, async (tx) => {
        const deal = await changeableDeal(tx, ctx.member, input.id, 'deals.edit');
        return moveAndShow(tx, ctx.member, {
          ...input,
          stageId: await stageOfKind(tx, deal, 'won', input.stageId),
        });
      }),
    ),

  markLost: allowed('deals.edit', dealRest.markLost)
    .input(
      z.strictObject({
        ...closing,
        lostReasonId: z.optional(z.nullable(field.id)),
        lostNote: z.optional(field.maybeText(1_000)),
      }),
    )
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.markLost', input, async (tx) => {
        const deal = await changeableDeal(tx, ctx.member, input.id, 'deals.edit');
        return moveAndShow(tx, ctx.member, {
          ...input,
          stageId: await stageOfKind(tx, deal, 'lost', input.stageId),
        });
      }),
    ),

  reopen: allowed('deals.edit', dealRest.reopen)
    .input(z.strictObject(target))
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.reopen', input, async (tx) => {
        const deal = await changeableDeal(tx, ctx.member, input.id, 'deals.edit');
        if (deal.state === 'open') throw new AppError('CONFLICT', { reason: 'dealIsOpen' });
        const stageId = input.stageId ?? (await lastOpenStage(tx, deal));
        return moveAndShow(tx, ctx.member, {
          id: input.id,
          stageId: await stageOfKind(tx, deal, 'open', stageId),
        });
      }),
    ),
});

async function moveAndShow(
  ...[tx, member, input]: Parameters<typeof moveWithinPipeline>
): Promise<DealRow> {
  await moveWithinPipeline(tx, member, input);
  return dealRow(tx, input.id);
}

/** The stage that was named, or the one it is in, or the first of the pipeline; of the kind that is asked for. */
async function stageOfKind(
  tx: Tx,
  deal: DealPlace,
  kind: 'open' | 'won' | 'lost',
  named: string | undefined,
): Promise<string> {
  const stages = await tx
    .selectFrom('stages')
    .select('id')
    .where('pipelineId', '=', deal.pipelineId)
    .where('kind', '=', kind)
    .orderBy('position')
    .orderBy('id')
    .execute();
  if (named !== undefined && !stages.some(({ id }) => id === named))
    throw badInput('stageId', 'notInPipeline');
  const found = stages.find(({ id }) => id === (named ?? deal.stageId)) ?? stages[0];
  if (!found) throw new AppError('CONFLICT', { reason: 'noSuchStage', params: { kind } });
  return found.id;
}

/** Where the deal stood before it was closed, if that stage is still there. */
async function lastOpenStage(tx: Tx, deal: DealPlace): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select s.id from sync.change_log l
    join stages s on s.organization_id = l.organization_id and s.id = (l.before ->> 'stage_id')::uuid
    where l.organization_id = sync.org() and l.entity = 'deals' and l.id = ${deal.id}::uuid
      and l.op = 'U' and s.kind = 'open' and s.pipeline_id = ${deal.pipelineId}::uuid
    order by l.at desc, l.ord desc limit 1`.execute(tx);
  return rows[0]?.id;
}
