import { afterAll, beforeAll, expect, test } from 'vitest';
import { noteOf } from '#lib/shared/activities.ts';
import { newDeal, refusal, startTeam, type Board } from '#tests/features/team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

test('a note names only those who may read it, and what it is about', async () => {
  const north = await team.join('sales', 'North');
  const mate = await team.join('sales', 'North');
  const other = await team.join('sales', 'South');
  const viewer = await team.join('viewer');
  const seller = await team.as(north);
  const { id: dealId } = await newDeal(seller, board);
  const say = (...mentions: string[]) =>
    seller.activities.create({ ...noteOf('Look at this', mentions), dealId });
  const { data } = await say(mate.memberId, viewer.memberId, mate.memberId);
  expect(data.mentions).toEqual([mate.memberId, viewer.memberId, mate.memberId]);
  expect(await refusal(say(other.memberId))).toBe('BAD_INPUT: mentions cannotSee');
  expect(await refusal(say(team.owner.memberId, other.memberId))).toBe(
    'BAD_INPUT: mentions cannotSee',
  );
  const update = (mentions: string[]) => seller.activities.update({ id: data.id, mentions });
  expect(await refusal(update([mate.memberId, other.memberId]))).toBe(
    'BAD_INPUT: mentions cannotSee',
  );

  const { db } = team.database.owner;
  await db
    .updateTable('members')
    .set({ isActive: false })
    .where('id', '=', mate.memberId)
    .execute();
  expect(await refusal(say(mate.memberId))).toBe('BAD_INPUT: mentions cannotSee');
  // Whom a note named while it was right it may go on naming.
  expect((await update([mate.memberId])).data.mentions).toEqual([mate.memberId]);
});
