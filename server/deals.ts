import { sql, type Expression, type SqlBool } from 'kysely';
import { z } from 'zod/mini';
import {
  closingDays,
  recentDays,
  searchWords,
  addDays,
  dealFilter,
  dealMeasure,
  type DealFilter,
} from '#lib/shared/deal-filter.ts';
import { createDeal, deleteDeal, moveDeal, restoreDeal, updateDeal } from '#lib/shared/deals.ts';
import { AppError, badInput, notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import { covers } from '#lib/shared/standing.ts';
import { reachSql, type Member, type Permission } from './access.ts';
import type { TotalsDefinition } from './live/totals.ts';
import type { Tx } from './live/transaction.ts';
import { dealRest } from './rest/deals.ts';
import { restoreRecord } from './trash/restore.ts';
import { allowed, change, query, router } from './trpc.ts';

export const deals = router({
  get: allowed('deals.view', dealRest.get)
    .input(z.strictObject({ id: field.id }))
    .query(({ ctx, input }) => query(ctx, (tx) => visibleDeal(tx, ctx.member, input.id))),

  create: allowed('deals.create', dealRest.create)
    .input(createDeal.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.create', input, async (tx) => {
        await requireStage(tx, input.pipelineId, input.stageId);
        await requireCustomer(tx, ctx.member, input.customerId);
        const { probability, ownerId = ctx.member.memberId, ...values } = input;
        await tx
          .insertInto('deals')
          .values({
            ...values,
            ...byHand(probability),
            ownerId,
            organizationId: ctx.member.organizationId,
            createdBy: ctx.member.memberId,
          })
          .execute();
        return dealRow(tx, input.id);
      }),
    ),

  update: allowed('deals.edit', dealRest.update)
    .input(updateDeal.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.update', input, async (tx) => {
        const { id, probability, ...fields } = input;
        const deal = await changeableDeal(tx, ctx.member, id, 'deals.edit');
        await requireCustomer(tx, ctx.member, fields.customerId);
        const follow =
          probability === null ? { probability: await stageProbability(tx, deal.stageId) } : {};
        const set = { ...fields, ...byHand(probability), ...follow };
        if (Object.keys(set).length > 0)
          await tx.updateTable('deals').set(set).where('id', '=', id).execute();
        return dealRow(tx, id);
      }),
    ),

  move: allowed('deals.edit', dealRest.move)
    .input(moveDeal.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.move', input, (tx) => moveWithinPipeline(tx, ctx.member, input)),
    ),

  delete: allowed('deals.delete', dealRest.delete)
    .input(deleteDeal.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.delete', input, async (tx) => {
        await changeableDeal(tx, ctx.member, input.id, 'deals.delete');
        await tx.deleteFrom('deals').where('id', '=', input.id).execute();
        return { id: input.id };
      }),
    ),

  restore: allowed('deals.delete', dealRest.restore)
    .input(restoreDeal.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'deals.restore', input, async (tx) => {
        await restoreRecord(tx, ctx.member, { entity: 'deals', id: input.id });
        return dealRow(tx, input.id);
      }),
    ),
});

export type DealRow = Awaited<ReturnType<typeof dealRow>>;

export function dealRow(tx: Tx, id: string) {
  return tx.selectFrom('deals').selectAll().where('id', '=', id).executeTakeFirstOrThrow(notFound);
}

export function visibleDeal(tx: Tx, member: Member, id: string): Promise<DealRow> {
  return tx
    .selectFrom('deals')
    .selectAll()
    .where('id', '=', id)
    .where(reachSql(member, 'deals.view'))
    .executeTakeFirstOrThrow(notFound);
}

/** Where a deal stands and whose it is: what a change has to know first. */
const placeColumns = [
  'id',
  'pipelineId',
  'stageId',
  'state',
  'rank',
  'ownerId',
  'teamId',
  'lostReasonId',
] as const;
export type DealPlace = Pick<DealRow, (typeof placeColumns)[number]>;

/** What one may not see does not exist; what one sees but may not change is refused with the reason. */
export async function changeableDeal(
  tx: Tx,
  member: Member,
  id: string,
  permission: Permission,
): Promise<DealPlace> {
  const deal = await tx
    .selectFrom('deals')
    .select(placeColumns)
    .where('id', '=', id)
    .where(reachSql(member, 'deals.view'))
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow(notFound);
  if (!covers(member, permission, deal)) throw new AppError('FORBIDDEN', { reason: 'notYours' });
  return deal;
}

/** The one way from stage to stage: a deal is won, lost and reopened by it too. */
export async function moveWithinPipeline(
  tx: Tx,
  member: Member,
  input: z.infer<typeof moveDeal.input>,
): Promise<{ id: string; rev: number }> {
  const { id, rank, lostReasonId, ...details } = input;
  // In a stage that is not for lost deals the database takes the reason away.
  const values = lostReasonId ? { ...details, lostReasonId } : details;
  const write = (place: string) =>
    tx
      .updateTable('deals')
      .set({ ...values, rank: place })
      .where('id', '=', id)
      .returning(['id', 'rev'])
      .executeTakeFirstOrThrow(notFound);
  const asked = Promise.all([
    changeableDeal(tx, member, id, 'deals.edit'),
    findStage(tx, input.stageId),
  ]);
  // Travels behind both questions: what their answers forbid is rolled back with the change.
  const written = rank === undefined ? undefined : write(rank);
  written?.catch(() => undefined);
  const [deal, stage] = await asked;
  if (stage?.pipelineId !== deal.pipelineId) throw badInput('stageId', 'notInPipeline');
  if (stage.kind === 'open' && details.closedOn) throw badInput('closedOn', 'onlyWhenClosed');
  if (stage.kind === 'lost') await requireLostReason(tx, lostReasonId ?? deal.lostReasonId);
  return written ?? write(deal.stageId === stage.id ? deal.rank : await lastRank(tx, stage.id));
}

function findStage(tx: Tx, id: string) {
  return tx
    .selectFrom('stages')
    .select(['id', 'pipelineId', 'kind'])
    .where('id', '=', id)
    .executeTakeFirst();
}

async function requireStage(tx: Tx, pipelineId: string, stageId: string): Promise<void> {
  const stage = await findStage(tx, stageId);
  if (stage?.pipelineId !== pipelineId) throw badInput('stageId', 'notInPipeline');
}

async function requireCustomer(
  tx: Tx,
  member: Member,
  customerId: string | null | undefined,
): Promise<void> {
  if (!customerId) return;
  const found = await tx
    .selectFrom('customers')
    .select('id')
    .where('id', '=', customerId)
    .where(reachSql(member, 'customers.view'))
    .executeTakeFirst();
  if (!found) throw badInput('customerId', 'notFound');
}

async function requireLostReason(tx: Tx, id: string | null): Promise<void> {
  const reasons = await tx.selectFrom('lostReasons').select('id').execute();
  if (reasons.length === 0 && id === null) return;
  if (id === null) throw badInput('lostReasonId', 'required');
  if (!reasons.some((reason) => reason.id === id)) throw badInput('lostReasonId', 'notFound');
}

async function stageProbability(tx: Tx, stageId: string): Promise<number> {
  const stage = await tx
    .selectFrom('stages')
    .select('probability')
    .where('id', '=', stageId)
    .executeTakeFirstOrThrow();
  return stage.probability;
}

/** The place after the last deal of a stage. */
export async function lastRank(tx: Tx, stageId: string): Promise<string> {
  const last = await tx
    .selectFrom('deals')
    .select((eb) => eb.fn.max('rank').as('rank'))
    .where('stageId', '=', stageId)
    .executeTakeFirst();
  return rankBetween(last?.rank ?? null, null);
}

/** A probability set by hand stays; null lets it follow the stage again. */
function byHand(probability: number | null | undefined): {
  probability?: number;
  probabilityManual?: boolean;
} {
  if (probability === undefined) return {};
  return probability === null
    ? { probabilityManual: false }
    : { probability, probabilityManual: true };
}

/** Count, sum and weighted sum by stage and currency, over everything a filter lets through. */
export const dealTotals: TotalsDefinition<DealFilter> = {
  name: 'dealTotals',
  entity: 'deals',
  params: dealFilter,
  measure: dealMeasure,
  async load(tx, member, filter) {
    const recent = sql<SqlBool>`closed_on >= ${addDays(filter.today, -recentDays)}::date`;
    const rows = await tx
      .selectFrom('deals')
      .select([
        'stageId',
        'currency',
        sql<number>`count(*)`.as('count'),
        sql<number>`coalesce(sum(value), 0)::float8`.as('sum'),
        sql<number>`coalesce(sum(expected_revenue), 0)::float8`.as('weighted'),
        sql<number>`count(*) filter (where ${recent})`.as('recentCount'),
        sql<number>`coalesce(sum(value) filter (where ${recent}), 0)::float8`.as('recentSum'),
      ])
      .where('organizationId', '=', member.organizationId)
      .where(reachSql(member, 'deals.view'))
      .where(fitsFilter(filter))
      .groupBy(['stageId', 'currency'])
      .execute();
    return rows.map(({ stageId, currency, ...figures }) => [
      `${stageId}/${currency}`,
      [figures.count, figures.sum, figures.weighted, figures.recentCount, figures.recentSum].map(
        Number,
      ),
    ]);
  },
};

/** `dealMatcher` in SQL. */
export function fitsFilter(filter: DealFilter): Expression<SqlBool> {
  const { pipelineId, owner, tag, priority, noActivity, closing, today } = filter;
  const tests = [sql<SqlBool>`pipeline_id = ${pipelineId}::uuid`];
  if (owner) tests.push(sql<SqlBool>`owner_id = ${owner}::uuid`);
  if (tag) tests.push(sql<SqlBool>`${tag} = any(tags)`);
  if (priority) tests.push(sql<SqlBool>`priority = ${priority}`);
  if (noActivity) tests.push(sql<SqlBool>`next_activity_id is null`);
  if (closing === 'none') tests.push(sql<SqlBool>`expected_close_on is null`);
  if (closing === 'overdue') tests.push(sql<SqlBool>`expected_close_on < ${today}::date`);
  if (closing === 'week' || closing === 'month' || closing === 'quarter') {
    const last = addDays(today, closingDays[closing]);
    tests.push(sql<SqlBool>`expected_close_on between ${today}::date and ${last}::date`);
  }
  for (const word of searchWords(filter.q)) {
    tests.push(
      sql<SqlBool>`strpos(crm.plain_text(title || ' ' || coalesce(customer_name, '')), ${word}) > 0`,
    );
  }
  return sql<SqlBool>`${sql.join(tests, sql` and `)}`;
}
