import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { newDeal, refusal, startTeam, type Board, type Calls } from './team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let owner: Calls;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  owner = await team.as(team.owner);
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

const newPipeline = async (name: string) =>
  (await owner.pipelines.create({ id: newId(), name, position: 'a5' })).data;

test('a new pipeline has the usual stages and is not the default one', async () => {
  const { stages, isDefault } = await newPipeline('Partners');
  expect(isDefault).toBe(false);
  expect(stages.map(({ kind, probability }) => [kind, probability])).toEqual([
    ['open', 10],
    ['open', 25],
    ['open', 50],
    ['open', 75],
    ['won', 100],
    ['lost', 0],
  ]);
});

test('exactly one pipeline is the default, however many people choose one at once', async () => {
  const made = await Promise.all(['One', 'Two', 'Three', 'Four'].map(newPipeline));
  await Promise.all(made.map(({ id }) => owner.pipelines.setDefault({ id })));
  expect((await owner.pipelines.list({ isDefault: true })).total).toBe(1);
  await owner.pipelines.setDefault({ id: board.pipelineId });
  expect((await owner.pipelines.list({ isDefault: true })).items.map(({ id }) => id)).toEqual([
    board.pipelineId,
  ]);
  expect(await refusal(owner.pipelines.update({ id: board.pipelineId, isActive: false }))).toBe(
    'CONFLICT: defaultPipeline',
  );
});

test('a pipeline with deals is deleted only with a stage for them', async () => {
  const { id, stages } = await newPipeline('Old');
  const stageId = stages[0]?.id ?? '';
  const deals = await Promise.all(
    ['a1', 'a0'].map((rank) =>
      newDeal(owner, board, { pipelineId: id, stageId, rank, title: rank }),
    ),
  );
  expect(await refusal(owner.pipelines.delete({ id }))).toBe('CONFLICT: pipelineHasDeals');
  expect(await refusal(owner.pipelines.delete({ id, moveDealsTo: stageId }))).toBe(
    'BAD_INPUT: moveDealsTo notFound',
  );
  const { data } = await owner.pipelines.delete({ id, moveDealsTo: board.stage('Proposal') });
  expect(data.moved).toBe(2);
  const moved = await owner.deals.list({ stageId: board.stage('Proposal'), ordering: 'rank' });
  expect(moved.items.map(({ title }) => title)).toEqual(['a0', 'a1']);
  expect(moved.items.map(({ probability }) => probability)).toEqual([50, 50]);
  expect(moved.items.map((deal) => deal.id).sort()).toEqual(deals.map((deal) => deal.id).sort());
});

test('deleting a stage asks where its deals go, and they go there in their order', async () => {
  const { id: pipelineId, stages } = await newPipeline('Short');
  const [first, second] = stages.map(({ id }) => id);
  const deal = await newDeal(owner, board, { pipelineId, stageId: first ?? '' });
  expect(await refusal(owner.stages.delete({ id: first ?? '' }))).toBe('CONFLICT: stageHasDeals');
  const elsewhere = board.stage('Lead');
  expect(await refusal(owner.stages.delete({ id: first ?? '', moveDealsTo: elsewhere }))).toBe(
    'BAD_INPUT: moveDealsTo notInPipeline',
  );
  await owner.stages.delete({ id: first ?? '', moveDealsTo: second });
  expect(await owner.deals.get({ id: deal.id })).toMatchObject({
    stageId: second,
    probability: 25,
  });
});

test('the last stage stays, though two people delete the last two at once', async () => {
  const { stages } = await newPipeline('Vanishing');
  for (const { id } of stages.slice(2)) await owner.stages.delete({ id });
  const [one, two] = stages;
  const ends = await Promise.all(
    [one, two].map((stage) => refusal(owner.stages.delete({ id: stage?.id ?? '' }))),
  );
  expect(ends.filter((end) => end === 'CONFLICT: lastStage')).toHaveLength(1);
});

test('stages are put in order all at once, or one at a place', async () => {
  const { id: pipelineId, stages } = await newPipeline('Order');
  const ids = stages.map(({ id }) => id);
  const turned = ids.toReversed();
  await owner.stages.reorder({ pipelineId, stageIds: turned });
  const order = async () =>
    (await owner.pipelines.get({ id: pipelineId })).stages.map(({ id }) => id);
  expect(await order()).toEqual(turned);
  expect(await refusal(owner.stages.reorder({ pipelineId, stageIds: ids.slice(1) }))).toBe(
    'BAD_INPUT: stageIds everyStageOnce',
  );
  const twice = [ids[0] ?? '', ...ids.slice(0, -1)];
  expect(await refusal(owner.stages.reorder({ pipelineId, stageIds: twice }))).toBe(
    'BAD_INPUT: stageIds everyStageOnce',
  );
  await owner.stages.place({ id: turned[5] ?? '', place: 1 });
  expect(await order()).toEqual([turned[5], ...turned.slice(0, 5)]);
});

test('won, lost and reopened are moves of one state machine', async () => {
  const deal = await newDeal(owner, board, {
    stageId: board.stage('Negotiation'),
    value: 1_000_01,
  });
  const won = (await owner.deals.markWon({ id: deal.id, closedOn: '2026-03-01' })).data;
  expect(won).toMatchObject({
    state: 'won',
    stageId: board.stage('Won'),
    probability: 100,
    closedOn: '2026-03-01',
  });
  const reopened = (await owner.deals.reopen({ id: deal.id })).data;
  expect(reopened).toMatchObject({
    state: 'open',
    stageId: board.stage('Negotiation'),
    probability: 75,
    closedOn: null,
  });
  expect(await refusal(owner.deals.reopen({ id: deal.id }))).toBe('CONFLICT: dealIsOpen');
  expect(await refusal(owner.deals.markLost({ id: deal.id }))).toBe(
    'BAD_INPUT: lostReasonId required',
  );
  const reason = (await owner.lostReasons.list({})).items[0];
  const lost = (await owner.deals.markLost({ id: deal.id, lostReasonId: reason?.id ?? null })).data;
  expect(lost).toMatchObject({
    state: 'lost',
    probability: 0,
    expectedRevenue: 0,
    lostReasonId: reason?.id,
  });
  expect(await refusal(owner.lostReasons.delete({ id: reason?.id ?? '' }))).toBe(
    'CONFLICT: reasonInUse',
  );
});

test('figures of deals are exact, and what no rate converts stands apart', async () => {
  await using other = await startTeam();
  const calls = await other.as(other.owner);
  const place = await other.board();
  await newDeal(calls, place, { value: 100_05 });
  await newDeal(calls, place, { value: 200_00, currency: 'EUR', priority: 'high' });
  await newDeal(calls, place, { value: null });
  await newDeal(calls, place, { value: 5_00, currency: 'GBP' });
  await calls.exchangeRates.set({
    id: newId(),
    currency: 'EUR',
    validFrom: '2020-01-01',
    rate: '1.5',
  });
  await calls.exchangeRates.set({
    id: newId(),
    currency: 'EUR',
    validFrom: '2020-02-01',
    rate: '1.25',
  });
  await calls.exchangeRates.set({
    id: newId(),
    currency: 'EUR',
    validFrom: '2999-01-01',
    rate: '9',
  });
  expect(await calls.deals.stats({})).toMatchObject({
    total: 4,
    open: 4,
    value: 100_05 + 250_00,
    expectedRevenue: 10_01 + 25_00,
    isConverted: true,
    unconverted: [{ value: 5_00, currency: 'GBP' }],
    winRate: null,
    averageWon: null,
    byPriority: { low: 0, medium: 3, high: 1, urgent: 0 },
  });
  expect(
    await refusal(
      calls.exchangeRates.set({ id: newId(), currency: 'USD', validFrom: '2020-01-01', rate: '1' }),
    ),
  ).toBe('BAD_INPUT: currency ownCurrency');
});

test('only who may manage pipelines changes them', async () => {
  const seller = await team.as(await team.join('sales', 'North'));
  expect((await seller.stages.list({ pipelineId: board.pipelineId })).total).toBe(6);
  expect(await refusal(seller.stages.update({ id: board.stage('Lead'), name: 'X' }))).toBe(
    'FORBIDDEN: noPermission',
  );
  expect(await refusal(seller.pipelines.delete({ id: board.pipelineId }))).toBe(
    'FORBIDDEN: noPermission',
  );
});
