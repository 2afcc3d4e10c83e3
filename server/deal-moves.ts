import { sql } from 'kysely';
import { ranksAfter } from '#lib/shared/rank.ts';
import { lastRank } from './deals.ts';
import type { Tx } from './live/transaction.ts';

/**
 * Moves every deal of some stages behind those of another, in their order, whoever may see them: where
 * they go is a question of the pipeline. Answers how many.
 */
export async function moveAllDeals(
  tx: Tx,
  stageIds: string[],
  target: { id: string; pipelineId: string },
): Promise<number> {
  if (stageIds.length === 0) return 0;
  const deals = await tx
    .selectFrom('deals')
    .select('deals.id')
    .where('stageId', 'in', stageIds)
    .orderBy('rank')
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  if (deals.length === 0) return 0;
  const ids = deals.map(({ id }) => id);
  const ranks = ranksAfter(await lastRank(tx, target.id), ids.length);
  await sql`
    update deals set pipeline_id = ${target.pipelineId}::uuid, stage_id = ${target.id}::uuid, rank = moved.rank
    from unnest(${ids}::uuid[], ${ranks}::text[]) as moved (id, rank) where deals.id = moved.id`.execute(
    tx,
  );
  return ids.length;
}
