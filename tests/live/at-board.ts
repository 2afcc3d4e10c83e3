import { dealMeasure } from '#lib/shared/deal-filter.ts';
import type { Stage } from '#lib/shared/entities.ts';
import { byPosition } from '#lib/shared/rank.ts';
import type { LiveTotals } from '#lib/live/totals.svelte.ts';
import { openAs, until, type Person } from '#tests/support/person.ts';

const today = '2026-11-20';

/** Somebody with the board of the first pipeline open. */
export interface AtBoard extends Person {
  stages: Stage[];
  pipelineId: string;
  totals: LiveTotals;
}

/** Opens the first pipeline, its open deals and its totals. */
export async function atBoard(url: string, email: string): Promise<AtBoard> {
  const person = await openAs(url, email);
  const { live } = person;
  const needed = (['members', 'roles', 'pipelines', 'stages', 'lostReasons'] as const).map(
    (topic) => live.subscribe(topic, {}),
  );
  await until('the directory is there', () => needed.every(({ ready }) => ready));
  const pipelineId = live.rows('pipelines').all.find(({ isDefault }) => isDefault)?.id ?? '';
  const deals = live.subscribe('pipelineDeals', { pipelineId, state: 'open' });
  const params = { pipelineId, today };
  const { totals } = live.subscribeTotals('dealTotals', {
    entity: 'deals',
    params,
    measure: dealMeasure(params),
  });
  await until('the deals are there', () => deals.ready && totals.ready);
  const stages = live
    .rows('stages')
    .all.filter((stage) => stage.pipelineId === pipelineId)
    .sort(byPosition);
  return { ...person, stages, pipelineId, totals };
}

export const stageOf = (person: AtBoard, dealId: string): string | undefined =>
  person.live.rows('deals').get(dealId)?.stageId;
export const anyDealIn = (person: AtBoard, stageId: string) => {
  const deal = person.live.rows('deals').all.find((one) => one.stageId === stageId);
  if (!deal) throw new Error('The stage is empty');
  return deal;
};
export const stageNamed = (person: AtBoard, kind: string, at = 0): Stage => {
  const stage = person.stages.filter((one) => one.kind === kind)[at];
  if (!stage) throw new Error(`No stage ${kind} ${at}`);
  return stage;
};

export const shown = (totals: LiveTotals): Map<string, number[]> =>
  new Map(
    [...totals.groups]
      .filter(([, figures]) => figures[0] !== 0)
      .map(([group, figures]) => [group, figures.slice(0, 3)]),
  );
