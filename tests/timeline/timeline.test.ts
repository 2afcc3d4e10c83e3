import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { newCustomer, newDeal, startTeam, type Board, type Calls } from '#tests/features/team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let owner: Calls;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  owner = await team.as(team.owner);
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

type Asked = Parameters<Calls['timeline']['ofOrganization']>[0];

/** All pages of it. */
async function whole(calls: Calls, asked: Partial<Asked> = {}) {
  const entries = [];
  let before: string | undefined;
  do {
    const page = await calls.timeline.ofOrganization({ limit: 7, ...asked, before });
    entries.push(...page.entries);
    before = page.nextBefore ?? undefined;
  } while (before);
  return entries;
}

test('it says who changed what, and filters by person, record, act and field', async () => {
  const boris = await team.join('manager');
  const deal = await newDeal(await team.as(boris), board, { title: 'Filtered', value: 1 });
  await (await team.as(boris)).deals.update({ id: deal.id, value: 2 });
  await owner.deals.update({ id: deal.id, title: 'Renamed' });
  await team.database.owner.pool.query(`update deals set title = 'By hand' where id = $1`, [
    deal.id,
  ]);
  await owner.deals.delete({ id: deal.id });
  const told = async (asked: Partial<Asked>) =>
    (await whole(owner, asked))
      .filter(({ id }) => id === deal.id)
      .map(({ action, actor }) => [action, actor?.memberId]);
  expect(await told({})).toEqual([
    ['deleted', team.owner.memberId],
    ['changed', undefined],
    ['changed', team.owner.memberId],
    ['changed', boris.memberId],
    ['created', boris.memberId],
  ]);
  expect(await told({ actor: boris.memberId })).toHaveLength(2);
  expect(await told({ entity: 'customers' })).toEqual([]);
  expect(await told({ action: 'deleted' })).toEqual([['deleted', team.owner.memberId]]);
  expect(await told({ field: 'value' })).toEqual([['changed', boris.memberId]]);
});

test('an undo is told as an undo, with what it takes back', async () => {
  const { id } = await newDeal(owner, board);
  const { position } = await owner.deals.update({ id, title: 'Changed' });
  await owner.undo.run({ position });
  const { entries } = await owner.timeline.ofRecord({ entity: 'deals', id });
  expect(entries.map(({ undoes }) => undoes)).toEqual([{ position }, undefined, undefined]);
  const [first] = await whole(owner, { action: 'undone' });
  expect(first).toMatchObject({ id, undoes: { position } });
});

test('of a run the newest row stands there, with how many there are', async () => {
  const { organizationId, memberId } = team.owner;
  const run = `import ${newId()}`;
  const insert = (names: string[]) =>
    team.database.owner.db.transaction().execute(async (tx) => {
      await sql`select set_config('app.run_id', ${run}, true), set_config('app.actor', 'import', true)`.execute(
        tx,
      );
      const rows = names.map((name) => ({ organizationId, ownerId: memberId, code: '', name }));
      await tx.insertInto('customers').values(rows).execute();
    });
  await insert(['A', 'B', 'C']);
  await newCustomer(owner, { name: 'Between' });
  await insert(['D', 'E']);
  const entries = (await whole(owner, { entity: 'customers', action: 'created' })).slice(0, 2);
  expect(entries).toMatchObject([
    { title: 'E', actor: { name: 'import' }, run: { id: run, count: 5, isMore: false } },
    { title: 'Between' },
  ]);
  expect(await whole(owner, { run })).toHaveLength(5);
});

test('names are told of what one sees, and of nothing else', async () => {
  const north = await team.join('sales', 'North');
  const seller = await team.as(north);
  const hidden = await newCustomer(owner, { name: 'Hidden' });
  const seen = await newCustomer(seller, { name: 'Seen' });
  const { id } = await newDeal(owner, board, { ownerId: north.memberId, customerId: hidden.id });
  await owner.deals.update({ id, customerId: seen.id });
  const { names } = await seller.timeline.ofRecord({ entity: 'deals', id });
  expect(names).toMatchObject({ [seen.id]: 'Seen' });
  expect(names[hidden.id]).toBeUndefined();
});

test('of what one may not see there is no trace, neither of what is gone', async () => {
  const seller = await team.as(await team.join('sales', 'East'));
  const other = await team.join('sales', 'West');
  const deal = await newDeal(await team.as(other), board, { title: 'Secret of the West' });
  await owner.deals.update({ id: deal.id, title: 'Secret still' });
  const gone = await newCustomer(await team.as(other), { name: 'Secret and gone' });
  await owner.customers.delete({ id: gone.id });
  const entries = await whole(seller);
  expect(JSON.stringify(entries)).not.toContain('Secret');
  expect(entries.some(({ entity }) => entity === 'deals' || entity === 'customers')).toBe(false);
  const theirs = JSON.stringify(await whole(await team.as(other)));
  expect(theirs).toContain('Secret still');
  expect(theirs).toContain('Secret and gone');
});

test('what only followed from something else is passed over', async () => {
  const customer = await newCustomer(owner, { name: 'Before' });
  const { id } = await newDeal(owner, board, { customerId: customer.id });
  await owner.customers.update({ id: customer.id, name: 'After' });
  const entries = await whole(owner, { action: 'changed' });
  expect(entries[0]).toMatchObject({ entity: 'customers', id: customer.id });
  expect(entries.some((entry) => entry.id === id)).toBe(false);
});
