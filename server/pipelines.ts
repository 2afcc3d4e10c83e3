import { sql } from 'kysely';
import { z } from 'zod/mini';
import { AppError, badInput } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { newId } from '#lib/shared/ids.ts';
import {
  createPipeline,
  deletePipeline,
  setDefaultPipeline,
  updatePipeline,
} from '#lib/shared/pipelines.ts';
import { moveAllDeals } from './deal-moves.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { usualStages } from './organization-defaults.ts';
import { changeableRecord, visibleRecord } from './records.ts';
import { pipelineRest } from './rest/pipelines.ts';
import { allowed, change, query, router } from './trpc.ts';

const manage = 'pipelines.manage';

export const pipelines = router({
  list: allowed('directory.view', pipelineRest.list)
    .input(searchInput({ isActive: z.boolean(), isDefault: z.boolean() }))
    .query(({ ctx, input }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'pipelines',
            member: ctx.member,
            orderings: ['position', 'name', 'createdAt', 'updatedAt'],
            searched: ['name', 'description'],
          },
          input,
        ),
      ),
    ),

  get: allowed('directory.view', pipelineRest.get)
    .input(z.strictObject({ id: field.id }))
    .query(({ ctx, input }) =>
      query(ctx, async (tx) => {
        const pipeline = await visibleRecord(tx, 'pipelines', { member: ctx.member, id: input.id });
        return { ...pipeline, stages: await stagesOf(tx, pipeline.id) };
      }),
    ),

  create: allowed(manage, pipelineRest.create)
    .input(createPipeline.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'pipelines.create', input, async (tx) => {
        const { organizationId, memberId: createdBy } = ctx.member;
        const own = { organizationId, createdBy };
        const others = await lockPipelines(tx, organizationId);
        const isDefault = !others.some((one) => one.isDefault);
        await tx
          .insertInto('pipelines')
          .values({ ...input, ...own, isDefault })
          .execute();
        const { locale } = await tx
          .selectFrom('organizations')
          .select('locale')
          .executeTakeFirstOrThrow();
        const stages = usualStages(locale).map((stage) => ({
          ...stage,
          ...own,
          id: newId(),
          pipelineId: input.id,
        }));
        await tx.insertInto('stages').values(stages).execute();
        return pipelineRow(tx, input.id);
      }),
    ),

  update: allowed(manage, pipelineRest.update)
    .input(updatePipeline.input)
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'pipelines.update', { id, ...fields }, async (tx) => {
        const pipeline = await changeableRecord(tx, 'pipelines', {
          member: ctx.member,
          id,
          permission: manage,
        });
        if (fields.isActive === false && pipeline.isDefault)
          throw new AppError('CONFLICT', { reason: 'defaultPipeline' });
        if (Object.keys(fields).length > 0) {
          await tx.updateTable('pipelines').set(fields).where('id', '=', id).execute();
        }
        return pipelineRow(tx, id);
      }),
    ),

  setDefault: allowed(manage, pipelineRest.setDefault)
    .input(setDefaultPipeline.input)
    .mutation(({ ctx, input: { id } }) =>
      change(ctx, 'pipelines.setDefault', { id }, async (tx) => {
        await lockPipelines(tx, ctx.member.organizationId);
        const pipeline = await changeableRecord(tx, 'pipelines', {
          member: ctx.member,
          id,
          permission: manage,
        });
        if (!pipeline.isActive) throw new AppError('CONFLICT', { reason: 'inactivePipeline' });
        await makeDefault(tx, id);
        return pipelineRow(tx, id);
      }),
    ),

  delete: allowed(manage, pipelineRest.delete)
    .input(deletePipeline.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'pipelines.delete', input, async (tx) => {
        const { id, moveDealsTo } = input;
        const all = await lockPipelines(tx, ctx.member.organizationId);
        const pipeline = await visibleRecord(tx, 'pipelines', { member: ctx.member, id });
        const others = all.filter((one) => one.id !== id);
        if (others.length === 0) throw new AppError('CONFLICT', { reason: 'lastPipeline' });
        const moved = await emptyPipeline(tx, id, moveDealsTo);
        if (pipeline.isDefault)
          await makeDefault(tx, (others.find((one) => one.isActive) ?? others[0])?.id ?? '');
        await tx.deleteFrom('pipelines').where('id', '=', id).execute();
        return { id, moved };
      }),
    ),
});

const pipelineRow = async (tx: Tx, id: string) => {
  const pipeline = await tx
    .selectFrom('pipelines')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return { ...pipeline, stages: await stagesOf(tx, id) };
};

const stagesOf = (tx: Tx, pipelineId: string) =>
  tx
    .selectFrom('stages')
    .selectAll()
    .where('pipelineId', '=', pipelineId)
    .orderBy('position')
    .orderBy('id')
    .execute();

/** All of them, in one order, so that two who change the default wait for each other. */
const lockPipelines = (tx: Tx, organizationId: string) =>
  tx
    .selectFrom('pipelines')
    .select(['id', 'isDefault', 'isActive'])
    .where('organizationId', '=', organizationId)
    .orderBy('id')
    .forUpdate()
    .execute();

async function makeDefault(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable('pipelines')
    .set({ isDefault: false })
    .where('isDefault', '=', true)
    .where('id', '<>', id)
    .execute();
  await tx
    .updateTable('pipelines')
    .set({ isDefault: true, isActive: true })
    .where('id', '=', id)
    .execute();
}

/** Moves the deals out; refuses when there are some and nobody said where they go. */
async function emptyPipeline(tx: Tx, id: string, moveDealsTo: string | undefined): Promise<number> {
  const stages = await tx
    .selectFrom('stages')
    .select('id')
    .where('pipelineId', '=', id)
    .forUpdate()
    .execute();
  const target = moveDealsTo === undefined ? undefined : await findStage(tx, moveDealsTo);
  if (moveDealsTo !== undefined && (!target || target.pipelineId === id))
    throw badInput('moveDealsTo', 'notFound');
  if (target)
    return moveAllDeals(
      tx,
      stages.map((stage) => stage.id),
      target,
    );
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from deals where pipeline_id = ${id}::uuid`.execute(tx);
  const count = rows[0]?.count ?? 0;
  if (count > 0) throw new AppError('CONFLICT', { reason: 'pipelineHasDeals', params: { count } });
  return 0;
}

const findStage = (tx: Tx, id: string) =>
  tx.selectFrom('stages').select(['id', 'pipelineId']).where('id', '=', id).executeTakeFirst();
