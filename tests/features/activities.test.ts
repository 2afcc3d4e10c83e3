import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { newCustomer, newDeal, refusal, startTeam, type Board, type Calls } from './team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let owner: Calls;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  owner = await team.as(team.owner);
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

const noon = Date.UTC(2026, 10, 21, 12);

test('the next activity of a deal is the earliest that is due and not done', async () => {
  const { id: dealId } = await newDeal(owner, board);
  const plan = async (title: string, dueAt: number | null) =>
    (await owner.activities.create({ id: newId(), kind: 'call', title, dealId, dueAt })).data;
  const next = async () => (await owner.deals.get({ id: dealId })).nextActivityTitle;
  const later = await plan('later', noon + 1);
  const soon = await plan('soon', noon);
  await plan('some day', null);
  expect(await next()).toBe('soon');
  await owner.activities.complete({ id: soon.id, isDone: true });
  expect(await next()).toBe('later');
  await owner.activities.complete({ id: soon.id, isDone: false });
  await owner.activities.update({ id: soon.id, dueAt: noon + 2 });
  expect(await next()).toBe('later');
  await owner.activities.delete({ id: later.id });
  expect(await next()).toBe('soon');
});

test('an activity cannot be put on a deal that its author does not see', async () => {
  const { id: dealId } = await newDeal(owner, board);
  const seller = await team.as(await team.join('sales', 'North'));
  const note = { id: newId(), kind: 'note' as const, title: 'Hello' };
  expect(await refusal(seller.activities.create({ ...note, dealId }))).toBe(
    'BAD_INPUT: dealId notFound',
  );
  expect(await refusal(seller.activities.create({ ...note, dealId: newId() }))).toBe(
    'BAD_INPUT: dealId notFound',
  );
  expect(await refusal(seller.activities.create({ ...note, ownerId: newId() }))).toBe(
    'BAD_INPUT: ownerId notFound',
  );
});

test('activities are found by what they are about, and by whether they are done', async () => {
  const { id: customerId } = await newCustomer(owner);
  const made = await owner.activities.create({
    id: newId(),
    kind: 'meeting',
    title: 'Встреча',
    customerId,
  });
  await owner.activities.create({
    id: newId(),
    kind: 'note',
    title: 'Note',
    customerId,
    doneAt: noon,
  });
  expect((await owner.activities.list({ customerId })).total).toBe(2);
  expect(
    (await owner.activities.list({ customerId, isDone: false })).items.map(({ id }) => id),
  ).toEqual([made.data.id]);
  expect((await owner.activities.list({ customerId, search: 'ВСТРЕ' })).total).toBe(1);
});

test('the lines of a deal take price and currency of the product, and follow the deal’s owner', async () => {
  const north = await team.join('sales', 'North');
  const seller = await team.as(north);
  const product = (
    await owner.products.create({ id: newId(), name: 'Boots', currency: 'EUR', price: '12.345' })
  ).data;
  const deal = await newDeal(owner, board);
  const { data: line } = await owner.dealProducts.add({
    id: newId(),
    dealId: deal.id,
    productId: product.id,
    quantity: '2.5',
  });
  expect(line).toMatchObject({ unitPrice: '12.345000', currency: 'EUR', quantity: '2.500000' });
  expect(await refusal(seller.dealProducts.list({ dealId: deal.id }))).toBe('NOT_FOUND');
  expect(await refusal(seller.dealProducts.update({ id: line.id, quantity: '1' }))).toBe(
    'NOT_FOUND',
  );
  await owner.deals.update({ id: deal.id, ownerId: north.memberId });
  expect((await seller.dealProducts.list({ dealId: deal.id })).total).toBe(1);
  expect((await seller.dealProducts.update({ id: line.id, quantity: '1' })).data.quantity).toBe(
    '1.000000',
  );
  expect(await refusal(owner.products.delete({ id: product.id }))).toBe('CONFLICT: productInUse');
  await seller.dealProducts.remove({ id: line.id });
  await owner.products.delete({ id: product.id });
});

test('the timeline says who changed which field from what to what, and where a card lay is no news', async () => {
  const seller = await team.as(await team.join('sales', 'North'));
  const deal = await newDeal(owner, board, { value: 100 });
  await owner.deals.update({ id: deal.id, value: 250, title: 'Renamed' });
  await owner.deals.move({ id: deal.id, stageId: deal.stageId, rank: 'a7' });
  await team.database.owner.pool.query('update deals set title = $1 where id = $2', [
    'By hand',
    deal.id,
  ]);
  const { entries, nextBefore } = await owner.timeline.ofRecord({
    entity: 'deals',
    id: deal.id,
    limit: 2,
  });
  expect(entries.map(({ action, actor, changes }) => [action, actor?.name, changes])).toEqual([
    ['changed', undefined, [{ field: 'title', from: 'Renamed', to: 'By hand' }]],
    [
      'changed',
      'Ann',
      [
        { field: 'title', from: 'A deal', to: 'Renamed' },
        { field: 'value', from: 100, to: 250 },
        { field: 'expectedRevenue', from: 10, to: 25 },
      ],
    ],
  ]);
  const older = await owner.timeline.ofRecord({
    entity: 'deals',
    id: deal.id,
    before: nextBefore ?? '',
  });
  expect(older.entries.map(({ action }) => action)).toEqual(['created']);
  expect(await refusal(seller.timeline.ofRecord({ entity: 'deals', id: deal.id }))).toBe(
    'NOT_FOUND',
  );
});
