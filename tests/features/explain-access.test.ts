import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { newDeal, startTeam, type Board } from './team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

test('a seller is told by which key a deal is open, and by which others it might have been', async () => {
  const ann = await team.join('sales', 'North');
  const bob = await team.join('sales', 'North');
  const [hers, his] = [await team.as(ann), await team.as(bob)];
  const { id } = await newDeal(hers, board);
  const own = `deals.view:own:${ann.memberId}`;
  const told = await hers.access.why({ entity: 'deals', id });
  const ofTeam = told.held.find((key) => key.startsWith('deals.view:team:'));
  expect(told).toEqual({
    role: 'sales',
    permission: 'deals.view',
    level: 'team',
    held: [ofTeam, own],
    opening: [ofTeam, own],
  });
  expect((await his.access.why({ entity: 'deals', id })).opening).toEqual([ofTeam]);
});

test('a deal of another team is told of as one that never was', async () => {
  const { id } = await newDeal(await team.as(await team.join('sales', 'South')), board);
  const north = await team.as(await team.join('sales', 'North'));
  const met = await north.access.why({ entity: 'deals', id });
  expect(met.opening).toEqual([]);
  expect(met).toEqual(await north.access.why({ entity: 'deals', id: newId() }));
});

test('a role without the right holds no key, and the owner holds the one to all', async () => {
  const { id } = await newDeal(await team.as(team.owner), board);
  const customer = await team.as(await team.join('customer'));
  const none = { permission: 'deals.view', level: 'none', held: [], opening: [] };
  expect(await customer.access.why({ entity: 'deals', id })).toMatchObject(none);
  const owner = await team.as(team.owner);
  expect((await owner.access.why({ entity: 'deals', id })).opening).toEqual(['deals.view:all']);
  const pipeline = { entity: 'pipelines', id: board.pipelineId } as const;
  expect((await owner.access.why(pipeline)).opening).toEqual(['directory.view:all']);
});
