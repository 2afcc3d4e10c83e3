import { sql } from 'kysely';
import { rankBetween } from '#lib/shared/rank.ts';
import type { DealStats } from '../deal-lists.ts';
import type { Context } from '../trpc.ts';
import { act, crud } from './crud.ts';
import { lookUp } from './lookup.ts';
import { decimalMoney } from './money.ts';
import type { RestRequest, RestRoute } from './route.ts';

const deal = crud('/deals', { one: 'deal', many: 'deals' });
const line = crud('/deal-products', { one: 'product of a deal', many: 'products of deals' });

const reasonNames = {
  reason: 'lostReasonId',
  lostReason: 'lostReasonId',
  notes: 'lostNote',
  note: 'lostNote',
};
const closeNames = { actualCloseDate: 'closedOn', closeDate: 'closedOn', notes: 'lostNote' };

const routes = {
  ...deal,
  create: deal.create.map((route) => ({
    ...route,
    input: newDeal,
    filled: ['pipelineId', 'stageId', 'rank', 'currency'],
  })),
  stats: [
    {
      method: 'GET',
      path: '/deals/stats',
      summary: 'Deals counted and summed',
      output: literalStats,
    },
  ],
  move: [
    act('/deals/{id}/move_stage', 'Move a deal to a stage of its pipeline', {
      message: 'Deal moved',
      shows: 'deals.get',
      alsoKnownAs: { ...closeNames, ...reasonNames },
      input: namedReason,
    }),
  ],
  markWon: [
    act('/deals/{id}/mark_won', 'Win a deal', { message: 'Deal won', alsoKnownAs: closeNames }),
  ],
  markLost: [
    act('/deals/{id}/mark_lost', 'Lose a deal, for a reason of the list', {
      message: 'Deal lost',
      alsoKnownAs: { ...closeNames, ...reasonNames },
      input: namedReason,
    }),
  ],
  reopen: [act('/deals/{id}/reopen', 'Open a closed deal again', { message: 'Deal reopened' })],
  restore: [act('/deals/{id}/restore', 'Bring a deleted deal back')],
} satisfies Record<string, RestRoute[]>;

type DealRest = Record<keyof typeof routes, RestRoute[]>;

/** Deals, which S2 calls opportunities. */
export const dealRest = Object.fromEntries(
  Object.entries(routes).map(([name, list]: [string, RestRoute[]]) => [
    name,
    [
      ...list,
      ...list.map((route) => ({ ...route, path: route.path.replace('/deals', '/opportunities') })),
    ],
  ]),
) as DealRest;

export const dealProductRest = {
  list: [
    ...line.list,
    {
      method: 'GET',
      path: '/deals/{id}/products',
      summary: 'The products of a deal',
      input: ({ params, query }: RestRequest) => ({ ...query, dealId: params['id'] }),
    },
  ],
  add: [
    ...line.create,
    {
      method: 'POST',
      path: '/deals/{id}/products',
      summary: 'Add a product to a deal',
      input: ({ params, body }: RestRequest) => ({ ...body, dealId: params['id'] }),
      filled: ['dealId'],
    },
  ],
  update: line.update,
  remove: line.delete,
} satisfies Record<string, RestRoute[]>;

/** Without a stage: the first open one of the pipeline; without a pipeline: that of the stage, else the default. */
async function newDeal({ body }: RestRequest, context: Context): Promise<unknown> {
  const isId = (value: unknown) => typeof value === 'string' && /^[0-9a-f-]{36}$/i.test(value);
  const { pipelineId, stageId } = body;
  if (
    (stageId !== undefined && !isId(stageId)) ||
    (pipelineId !== undefined && !isId(pipelineId))
  ) {
    return { rank: 'a0', ...body };
  }
  const found = await lookUp(context, async (tx) => {
    const { rows } = await sql<{
      pipelineId: string;
      stageId: string;
      rank: string | null;
      currency: string;
    }>`
      select s.pipeline_id, s.id as stage_id, o.currency,
        (select max(d.rank) from deals d where d.organization_id = s.organization_id and d.stage_id = s.id) as rank
      from stages s join pipelines p on p.organization_id = s.organization_id and p.id = s.pipeline_id
      join organizations o on o.id = s.organization_id
      where ${stageId === undefined ? sql`s.kind = 'open'` : sql`s.id = ${stageId}::uuid`}
        and ${pipelineId === undefined ? (stageId === undefined ? sql`p.is_default` : sql`true`) : sql`p.id = ${pipelineId}::uuid`}
      order by s.position, s.id limit 1`.execute(tx);
    return rows[0];
  });
  const { rank = null, ...places } = found ?? {};
  return { ...places, rank: rankBetween(rank, null), ...body };
}

/** A reason may be given by its name. */
async function namedReason({ params, body }: RestRequest, context: Context): Promise<unknown> {
  const { lostReasonId: given } = body;
  if (typeof given !== 'string' || /^[0-9a-f-]{36}$/i.test(given)) return { ...body, ...params };
  const reason = await lookUp(context, (tx) =>
    tx
      .selectFrom('lostReasons')
      .select('id')
      .where(sql`crm.plain_text(name)`, '=', sql`crm.plain_text(${given.replaceAll('\0', '')})`)
      .executeTakeFirst(),
  );
  return { ...body, lostReasonId: reason?.id ?? given, ...params };
}

function literalStats(stats: DealStats) {
  const money = (amount: number) => decimalMoney(amount, stats.currency);
  return {
    total_deals: stats.total,
    total_value: money(stats.value),
    expected_revenue: money(stats.expectedRevenue),
    won: stats.won,
    lost: stats.lost,
    open: stats.open,
    won_value: money(stats.wonValue),
    active_value: money(stats.openValue),
    average_deal_size: stats.averageWon === null ? null : money(stats.averageWon),
    win_rate: stats.winRate,
    is_converted: stats.isConverted,
    unconverted: stats.unconverted.map(({ value, currency }) => decimalMoney(value, currency)),
    by_stage: stats.byStage.map(({ name, count, value }) => ({
      stage_name: name,
      count,
      total_value: money(value),
    })),
    by_priority: stats.byPriority,
  };
}
