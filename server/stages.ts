import { sql } from 'kysely';
import { z } from 'zod/mini';
import { AppError, badInput } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { ranksAfter } from '#lib/shared/rank.ts';
import {
  createStage,
  deleteStage,
  placeStage,
  positionAt,
  reorderStages,
  stageKinds,
  updateStage,
  usualProbability,
} from '#lib/shared/stages.ts';
import { moveAllDeals } from './deal-moves.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { changeableRecord, deletableRecord, requireSeen, visibleRecord } from './records.ts';
import { stageRest } from './rest/pipelines.ts';
import { allowed, change, query, router } from './trpc.ts';

const permission = 'pipelines.manage';

export const stages = router({
  list: allowed('directory.view', stageRest.list)
    .input(searchInput({ pipelineId: field.id, kind: z.enum(stageKinds) }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'stages',
            member: ctx.member,
            orderings: ['position', 'name', 'probability', 'createdAt', 'updatedAt'],
            searched: ['name'],
          },
          input,
        ),
      ),
    ),

  get: allowed('directory.view', stageRest.get)
    .input(z.strictObject({ id: field.id }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) => visibleRecord(tx, 'stages', { member: ctx.member, id: input.id })),
    ),

  create: allowed(permission, stageRest.create)
    .input(createStage.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'stages.create', input, async (tx) => {
        const { member } = ctx;
        const { organizationId, memberId: createdBy } = member;
        await requireSeen(tx, member, [
          { table: 'pipelines', field: 'pipelineId', id: input.pipelineId },
        ]);
        const probability = input.probability ?? usualProbability[input.kind ?? 'open'];
        await tx
          .insertInto('stages')
          .values({ ...input, probability, organizationId, createdBy })
          .execute();
        return stageRow(tx, input.id);
      }),
    ),

  update: allowed(permission, stageRest.update)
    .input(updateStage.input)
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'stages.update', { id, ...fields }, async (tx) => {
        await changeableRecord(tx, 'stages', { member: ctx.member, id, permission });
        if (Object.keys(fields).length > 0) {
          await tx.updateTable('stages').set(fields).where('id', '=', id).execute();
        }
        return stageRow(tx, id);
      }),
    ),

  reorder: allowed(permission, stageRest.reorder)
    .input(reorderStages.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'stages.reorder', input, async (tx) => {
        const { pipelineId, stageIds } = input;
        await changeableRecord(tx, 'pipelines', { member: ctx.member, id: pipelineId, permission });
        const known = await stagesOf(tx, pipelineId);
        const isWhole =
          known.length === stageIds.length && known.every(({ id }) => stageIds.includes(id));
        if (!isWhole) throw badInput('stageIds', 'everyStageOnce');
        await sql`
          update stages set position = placed.position
          from unnest(${stageIds}::uuid[], ${ranksAfter(null, stageIds.length)}::text[]) as placed (id, position)
          where stages.id = placed.id`.execute(tx);
        return stagesOf(tx, pipelineId);
      }),
    ),

  place: allowed(permission, stageRest.place)
    .input(placeStage.input)
    .mutation(({ ctx, input: { id, place } }) =>
      change(ctx, 'stages.place', { id, place }, async (tx) => {
        const { member } = ctx;
        const { pipelineId } = await visibleRecord(tx, 'stages', { member, id });
        await changeableRecord(tx, 'pipelines', { member, id: pipelineId, permission });
        const others = (await stagesOf(tx, pipelineId)).filter((stage) => stage.id !== id);
        const position = positionAt(others, place);
        await tx.updateTable('stages').set({ position }).where('id', '=', id).execute();
        return stageRow(tx, id);
      }),
    ),

  delete: allowed(permission, stageRest.delete)
    .input(deleteStage.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'stages.delete', input, async (tx) => {
        const { member } = ctx;
        const { id, moveDealsTo } = input;
        const { pipelineId } = await visibleRecord(tx, 'stages', { member, id });
        // One at a time in a pipeline, so that two who delete do not take its last stages together.
        await changeableRecord(tx, 'pipelines', { member, id: pipelineId, permission });
        await deletableRecord(tx, 'stages', { member, id, permission });
        const others = (await stagesOf(tx, pipelineId)).filter((stage) => stage.id !== id);
        if (others.length === 0) throw new AppError('CONFLICT', { reason: 'lastStage' });
        const target = others.find((stage) => stage.id === moveDealsTo);
        if (moveDealsTo !== undefined && !target) throw badInput('moveDealsTo', 'notInPipeline');
        const moved = target ? await moveAllDeals(tx, [id], target) : await requireEmpty(tx, id);
        await tx.deleteFrom('stages').where('id', '=', id).execute();
        return { id, moved };
      }),
    ),
});

const stageRow = (tx: Tx, id: string) =>
  tx.selectFrom('stages').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

const stagesOf = (tx: Tx, pipelineId: string) =>
  tx
    .selectFrom('stages')
    .selectAll()
    .where('pipelineId', '=', pipelineId)
    .orderBy('position')
    .orderBy('id')
    .execute();

async function requireEmpty(tx: Tx, stageId: string): Promise<0> {
  const { count } = await tx
    .selectFrom('deals')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('stageId', '=', stageId)
    .executeTakeFirstOrThrow();
  if (count > 0) throw new AppError('CONFLICT', { reason: 'stageHasDeals', params: { count } });
  return 0;
}
