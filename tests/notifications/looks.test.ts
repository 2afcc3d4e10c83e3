import { afterAll, beforeAll, expect, test } from 'vitest';
import { history } from '#server/readers/history.ts';
import {
  newCustomer,
  newDeal,
  startTeam,
  type Board,
  type Calls,
  type Somebody,
} from '#tests/features/team.ts';
import { running } from '#tests/readers/reading.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let board: Board;
let anns: Calls;
let bobs: Calls;
let bob: Somebody;

beforeAll(async () => {
  team = await startTeam();
  board = await team.board();
  const [ann] = [await team.join('manager'), (bob = await team.join('sales', 'North'))];
  [anns, bobs] = [await team.as(ann), await team.as(bob)];
});
afterAll(() => team[Symbol.asyncDispose]());

const here = () => `board/${board.pipelineId}`;
const look = async (calls: Calls, place = here()) => {
  const { rows } = await team.database.owner.pool.query<{ pos: number }>(
    'select pos from sync.org_clock where organization_id = $1',
    [bob.organizationId],
  );
  await calls.looks.mark({ place, position: Number(rows[0]?.pos) });
};
const news = async (calls: Calls, place = here()) => {
  const since = await calls.looks.since({ place });
  return since?.news.map(({ title, kind }) => `${kind} ${title}`).sort();
};

// Told alike from the log alone, and with a reader that has written the history of it.
test.each([false, true])(
  'what others did since is told, one for each record (%s)',
  async (isWritten) => {
    const reading = isWritten ? await running(team.database.url, [history]) : undefined;
    const suffix = String(isWritten);
    expect(await anns.looks.since({ place: `deals/${bob.memberId}` })).toBeNull();
    const moved = await newDeal(anns, board, { title: `Moved ${suffix}`, ownerId: bob.memberId });
    const won = await newDeal(anns, board, { title: `Won ${suffix}`, ownerId: bob.memberId });
    const quiet = await newDeal(anns, board, { title: `Quiet ${suffix}`, ownerId: bob.memberId });
    await look(anns);
    expect(await news(anns)).toEqual([]);
    await bobs.deals.move({ id: moved.id, stageId: board.stage('Proposal') });
    await bobs.deals.update({ id: moved.id, priority: 'high' });
    await bobs.deals.update({ id: won.id, priority: 'high' });
    await bobs.deals.markWon({ id: won.id });
    await bobs.deals.move({ id: quiet.id, stageId: board.stage('Lead'), rank: 'a9' });
    await anns.deals.update({ id: quiet.id, title: `Mine ${suffix}` });
    await newDeal(bobs, board, { title: `New ${suffix}` });
    await reading?.settle();
    expect(await news(anns)).toEqual([
      `created New ${suffix}`,
      `moved Moved ${suffix}`,
      `won Won ${suffix}`,
    ]);
    const since = await anns.looks.since({ place: here() });
    expect(since?.news[0]?.by).toEqual([bob.memberId]);
    await look(anns);
    expect(await news(anns)).toEqual([]);
    await reading?.[Symbol.asyncDispose]();
  },
);

test('what one may not see is not told of, nor counted', async () => {
  const cat = await team.join('sales', 'South');
  const cats = await team.as(cat);
  await look(cats);
  await look(cats, 'customers');
  await newDeal(bobs, board, { title: 'Hidden' });
  await newCustomer(bobs, { name: 'Hidden too' });
  await newCustomer(anns, { name: 'Seen', ownerId: cat.memberId });
  expect(await news(cats)).toEqual([]);
  expect(await news(cats, 'customers')).toEqual(['created Seen']);
});

test('a look goes forward only, and never beyond the log', async () => {
  const place = 'customers';
  await look(bobs, place);
  await newCustomer(anns, { name: 'Later', ownerId: bob.memberId });
  await bobs.looks.mark({ place, position: 1 });
  expect(await news(bobs, place)).toEqual(['created Later']);
  await bobs.looks.mark({ place, position: 9_000_000_000 });
  await newCustomer(anns, { name: 'Latest', ownerId: bob.memberId });
  expect(await news(bobs, place)).toEqual(['created Latest']);
});
