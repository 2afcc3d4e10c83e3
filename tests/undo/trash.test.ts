import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import {
  newCustomer,
  newDeal,
  refusal,
  startTeam,
  type Board,
  type Calls,
} from '#tests/features/team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let owner: Calls;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  owner = await team.as(team.owner);
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

const inTrash = async (calls: Calls, id: string) =>
  (await calls.trash.list({ limit: 100 })).items.find((one) => one.id === id);

test('a deleted deal stands there once, with what fell with it, and comes back whole', async () => {
  const { id } = await newDeal(owner, board, { title: 'Gone', value: 5_00 });
  const note = { id: newId(), kind: 'note' as const, title: 'Said', dealId: id };
  await owner.activities.create(note);
  const before = await owner.deals.get({ id });
  await owner.deals.delete({ id });
  expect(await inTrash(owner, id)).toMatchObject({
    entity: 'deals',
    title: 'Gone',
    actor: { memberId: team.owner.memberId },
    fell: [{ entity: 'activities', count: 1 }],
    missing: undefined,
  });
  expect(await inTrash(owner, note.id)).toBeUndefined();
  const { data } = await owner.trash.restore({ entity: 'deals', id });
  expect(data).toEqual({ entity: 'deals', id, restored: 2 });
  const { rev: _, updatedAt: __, ...wanted } = before;
  expect(await owner.deals.get({ id })).toMatchObject(wanted);
  expect(await owner.activities.get({ id: note.id })).toMatchObject({ title: 'Said' });
  expect(await inTrash(owner, id)).toBeUndefined();
  expect(await refusal(owner.trash.restore({ entity: 'deals', id }))).toBe('NOT_FOUND');
});

test('of two that were deleted in one moment only the one that is asked for comes back', async () => {
  const ids = [(await newCustomer(owner)).id, (await newCustomer(owner)).id];
  const [first = '', second = ''] = ids;
  await team.database.owner.pool.query('delete from customers where id = any($1)', [ids]);
  await owner.customers.restore({ id: first });
  expect(await inTrash(owner, first)).toBeUndefined();
  expect(await inTrash(owner, second)).toMatchObject({ actor: undefined });
});

test('it says why something cannot come back, and refuses', async () => {
  const { data: pipeline } = await owner.pipelines.create({
    id: newId(),
    name: 'Short',
    position: 'a5',
  });
  const stageId = pipeline.stages[0]?.id ?? '';
  const { id } = await newDeal(owner, board, { pipelineId: pipeline.id, stageId });
  await owner.deals.delete({ id });
  await owner.pipelines.delete({ id: pipeline.id });
  expect((await inTrash(owner, id))?.missing).toBe('pipelines');
  expect(await refusal(owner.trash.restore({ entity: 'deals', id }))).toBe(
    'CONFLICT: restoreMissing',
  );
  await owner.trash.restore({ entity: 'pipelines', id: pipeline.id });
  await owner.trash.restore({ entity: 'deals', id });
  expect(await owner.deals.get({ id })).toMatchObject({ stageId });
});

test('a record comes back without what is gone for good and may be left out', async () => {
  const customer = await newCustomer(owner, { name: 'Went first' });
  const { id } = await newDeal(owner, board, { customerId: customer.id });
  await owner.deals.delete({ id });
  await owner.customers.delete({ id: customer.id });
  await owner.trash.restore({ entity: 'deals', id });
  expect(await owner.deals.get({ id })).toMatchObject({ customerId: null, customerName: null });
});

test('only what one saw and may delete stands there', async () => {
  const north = await team.join('sales', 'North');
  const seller = await team.as(north);
  const mate = await team.as(await team.join('sales', 'North'));
  const other = await team.as(await team.join('sales', 'South'));
  const viewer = await team.as(await team.join('viewer'));
  const { id } = await newDeal(seller, board, { title: 'Of the North' });
  await owner.deals.delete({ id });
  expect(await inTrash(seller, id)).toBeDefined();
  for (const calls of [mate, other, viewer]) expect(await inTrash(calls, id)).toBeUndefined();
  const restore = (calls: Calls) => refusal(calls.trash.restore({ entity: 'deals', id }));
  expect(await restore(other)).toBe('NOT_FOUND');
  expect(await restore(mate)).toBe('FORBIDDEN: notYours');
  expect(await restore(viewer)).toBe('FORBIDDEN: notYours');
});
