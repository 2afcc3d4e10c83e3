import { sql } from 'kysely';
import { z } from 'zod/mini';
import { priorities } from '#lib/shared/deal-filter.ts';
import * as field from '#lib/shared/fields.ts';
import { totalIn, type Money, type Rate } from '#lib/shared/money.ts';
import { stageKinds } from '#lib/shared/stages.ts';
import { reachSql, type Member } from './access.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { dealRest } from './rest/deals.ts';
import { allowed, query, router } from './trpc.ts';

export const dealLists = router({
  list: allowed('deals.view', dealRest.list)
    .input(
      searchInput({
        pipelineId: field.id,
        stageId: field.id,
        state: z.enum(stageKinds),
        customerId: z.nullable(field.id),
        ownerId: z.nullable(field.id),
        teamId: z.nullable(field.id),
        priority: z.enum(priorities),
        currency: field.currency,
        tag: field.text(50),
      }),
    )
    .query(({ ctx, input: { tag, ...input } }) =>
      query(ctx, (tx) =>
        listRecords(
          tx,
          {
            table: 'deals',
            member: ctx.member,
            orderings: [
              '-createdAt',
              'updatedAt',
              'title',
              'customerName',
              'value',
              'expectedRevenue',
              'probability',
              'expectedCloseOn',
              'openedOn',
              'closedOn',
              'stageEnteredAt',
              'rank',
            ],
            searched: ['title', 'customerName'],
            where: tag === undefined ? [] : [sql`${tag} = any(tags)`],
          },
          input,
        ),
      ),
    ),

  stats: allowed('deals.view', dealRest.stats)
    .input(z.strictObject({ pipelineId: z.optional(field.id) }))
    .query(({ ctx, input }) => query(ctx, (tx) => dealStats(tx, ctx.member, input.pipelineId))),
});

/** Amounts are minor units of the organization's currency, by today's rates. */
export interface DealStats {
  currency: string;
  total: number;
  open: number;
  won: number;
  lost: number;
  value: number;
  expectedRevenue: number;
  openValue: number;
  wonValue: number;
  /** Over the won deals that a rate could convert. */
  averageWon: number | null;
  /** Per cent of the closed deals that were won; null while none is closed. */
  winRate: number | null;
  isConverted: boolean;
  /** What no rate could convert, and no sum above has in it. */
  unconverted: Money[];
  byStage: { id: string; name: string; count: number; value: number }[];
  byPriority: Record<string, number>;
}

interface Group {
  stageId: string;
  stageName: string;
  state: 'open' | 'won' | 'lost';
  priority: string;
  currency: string;
  count: number;
  value: number;
  expected: number;
}

async function dealStats(
  tx: Tx,
  member: Member,
  pipelineId: string | undefined,
): Promise<DealStats> {
  const { currency, rates } = await ratesOfToday(tx, member);
  const { rows: groups } = await sql<Group>`
    select s.id as stage_id, s.name as stage_name, s.state, d.priority, d.currency, coalesce(d.count, 0)::bigint as count,
      coalesce(d.value, 0)::bigint as value, coalesce(d.expected, 0)::bigint as expected
    from (select s.id, s.name, s.kind as state, s.position, p.position as place from stages s
      join pipelines p on p.organization_id = s.organization_id and p.id = s.pipeline_id
      where s.organization_id = ${member.organizationId}::uuid
        and ${pipelineId ? sql`p.id = ${pipelineId}::uuid` : sql`true`}) s
    left join (select stage_id, priority, currency, count(*) as count, sum(value) as value, sum(expected_revenue) as expected
      from deals where organization_id = ${member.organizationId}::uuid and ${reachSql(member, 'deals.view')}
      group by 1, 2, 3) d on d.stage_id = s.id
    order by s.place, s.position, s.id`.execute(tx);
  const count = (test: (group: Group) => boolean) =>
    groups.filter(test).reduce((sum, group) => sum + group.count, 0);
  const sum = (test: (group: Group) => boolean, of: 'value' | 'expected' = 'value') =>
    totalIn(
      currency,
      groups
        .filter(test)
        .map((group) => ({ value: group[of], currency: group.currency ?? currency })),
      rates,
    );
  const won = count(({ state }) => state === 'won');
  const lost = count(({ state }) => state === 'lost');
  const all = sum(() => true);
  const wonValue = sum(({ state }) => state === 'won').value;
  const known = new Set([currency, ...rates.map((rate) => rate.currency)]);
  const convertedWon = count((group) => group.state === 'won' && known.has(group.currency));
  const stages = new Map(groups.map(({ stageId, stageName }) => [stageId, stageName]));
  return {
    currency,
    total: count(() => true),
    open: count(({ state }) => state === 'open'),
    won,
    lost,
    value: all.value,
    expectedRevenue: sum(() => true, 'expected').value,
    openValue: sum(({ state }) => state === 'open').value,
    wonValue,
    averageWon: convertedWon === 0 ? null : Math.round(wonValue / convertedWon),
    winRate: won + lost === 0 ? null : Math.round((won / (won + lost)) * 10_000) / 100,
    isConverted: all.isConverted,
    unconverted: all.left,
    byStage: [...stages].map(([id, name]) => ({
      id,
      name,
      count: count(({ stageId }) => stageId === id),
      value: sum(({ stageId }) => stageId === id).value,
    })),
    byPriority: Object.fromEntries(
      priorities.map((name) => [name, count(({ priority }) => priority === name)]),
    ),
  };
}

export async function ratesOfToday(
  tx: Tx,
  { organizationId }: Member,
): Promise<{ currency: string; rates: Rate[] }> {
  const { currency, timeZone } = await tx
    .selectFrom('organizations')
    .select(['currency', 'timeZone'])
    .where('organizationId', '=', organizationId)
    .executeTakeFirstOrThrow();
  const { rows: rates } = await sql<Rate>`
    select distinct on (currency) currency, rate from exchange_rates
    where organization_id = ${organizationId}::uuid and valid_from <= (now() at time zone ${timeZone})::date
    order by currency, valid_from desc`.execute(tx);
  return { currency, rates };
}
