import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { newCustomer, newDeal, refusal, startTeam, type Calls, type Somebody } from './team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let owner: Calls;
let north: Somebody;
let south: Somebody;
beforeAll(async () => {
  team = await startTeam();
  owner = await team.as(team.owner);
  north = await team.join('sales', 'North');
  south = await team.join('sales', 'South');
});
afterAll(() => team[Symbol.asyncDispose]());

test('codes of customers made at once have neither gap nor repetition, whatever fails between them', async () => {
  const before = (await owner.customers.list({})).total;
  const tries = Array.from({ length: 30 }, (_, at) =>
    at % 5 === 4
      ? newCustomer(owner, { ownerId: newId() }).catch(() => undefined)
      : newCustomer(owner, { name: `Customer ${at}` }),
  );
  const made = (await Promise.all(tries)).flatMap((customer) => customer ?? []);
  const numbers = made.map(({ code }) => Number(code.slice(1))).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 24 }, (_, at) => before + at + 1));
  expect(made[0]?.code).toMatch(/^C\d{3}$/);
});

test('a search finds parts of words whatever their case, accents, ё and keyboard layout', async () => {
  const { id } = await newCustomer(owner, {
    name: 'Ёлки и Café',
    email: 'fir@example.test',
    phone: '+7 912 345-67-89',
    company: 'ООО «Привет»',
  });
  for (const search of ['елки', 'CAFE', 'xample.te', '345-67', 'ghbdtn', 'прив ёлк', 'ёЛ']) {
    const { items } = await owner.customers.list({ search });
    expect(
      items.map((one) => one.id),
      search,
    ).toEqual([id]);
  }
  expect((await owner.customers.list({ search: '100%_' })).total).toBe(0);
});

test('a walk by cursor meets every customer once, though others come and go between pages', async () => {
  for (let at = 0; at < 12; at += 1) {
    await newCustomer(owner, {
      name: `Walk ${at % 4}`,
      industry: 'walking',
      city: at % 3 ? `City ${at % 3}` : null,
    });
  }
  for (const ordering of ['name', '-city,name', '-createdAt', 'city']) {
    const all = (await owner.customers.list({ industry: 'walking', ordering, perPage: 100 })).items;
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await owner.customers.list({
        industry: 'walking',
        ordering,
        perPage: 5,
        cursor,
      });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
      if (ordering === 'name' && seen.length === 5)
        await newCustomer(owner, { name: 'Walk', industry: 'walking' });
    } while (cursor);
    expect(seen, ordering).toEqual(all.map(({ id }) => id));
  }
});

test('a cursor of another ordering, or none of ours, is refused', async () => {
  const { nextCursor } = await owner.customers.list({ perPage: 1 });
  expect(await refusal(owner.customers.list({ ordering: '-name', cursor: nextCursor ?? '' }))).toBe(
    'BAD_INPUT: cursor unknownCursor',
  );
  expect(await refusal(owner.customers.list({ cursor: 'W10' }))).toBe(
    'BAD_INPUT: cursor unknownCursor',
  );
});

test('a seller sees the customers of the own team and nobody else’s', async () => {
  const [mine, theirs] = [await team.as(north), await team.as(south)];
  const customer = await newCustomer(mine, { name: 'Northern' });
  expect((await theirs.customers.list({ search: 'Northern' })).total).toBe(0);
  for (const id of [customer.id, newId()]) {
    expect(await refusal(theirs.customers.get({ id }))).toBe('NOT_FOUND');
    expect(await refusal(theirs.customers.update({ id, name: 'Taken' }))).toBe('NOT_FOUND');
    expect(await refusal(theirs.customers.delete({ id }))).toBe('NOT_FOUND');
  }
  const mate = await team.as(await team.join('sales', 'North'));
  expect((await mate.customers.update({ id: customer.id, notes: 'seen' })).data.notes).toBe('seen');
  expect(await refusal(mate.customers.delete({ id: customer.id }))).toBe('FORBIDDEN: notYours');
  expect((await mine.customers.delete({ id: customer.id })).data).toEqual({ id: customer.id });
});

test('a viewer sees customers and changes none', async () => {
  const viewer = await team.as(await team.join('viewer'));
  const { id } = await newCustomer(owner);
  expect((await viewer.customers.get({ id })).id).toBe(id);
  expect(await refusal(viewer.customers.update({ id, name: 'Changed' }))).toBe(
    'FORBIDDEN: noPermission',
  );
  expect(await refusal(newCustomer(viewer))).toBe('FORBIDDEN: noPermission');
});

test('a customer with open deals is not deleted, and those that one sees are named', async () => {
  const board = await team.board();
  const customer = await newCustomer(await team.as(north), { name: 'Busy' });
  const deal = await newDeal(await team.as(north), board, {
    customerId: customer.id,
    title: 'Secret of the north',
  });
  await expect(owner.customers.delete({ id: customer.id })).rejects.toMatchObject({
    cause: { code: 'CONFLICT', details: { params: { count: 1, deals: 'Secret of the north' } } },
  });
  await owner.deals.markWon({ id: deal.id });
  await owner.customers.delete({ id: customer.id });
  expect((await owner.deals.get({ id: deal.id })).customerId).toBeNull();
  expect((await owner.customers.restore({ id: customer.id })).data).toMatchObject({
    name: 'Busy',
    code: customer.code,
  });
});

test('a change of nothing answers the customer as it is, and leaves no trace', async () => {
  const { id, rev } = await newCustomer(owner);
  expect((await owner.customers.update({ id })).data.rev).toBe(rev);
  expect((await owner.customers.update({ id, name: 'A customer' })).data.rev).toBe(rev);
});

test('columns that are not the caller’s to set are refused by name', async () => {
  const foreign = [
    'organizationId',
    'code',
    'rev',
    'createdAt',
    'createdBy',
    'teamId',
    'externalId',
    'custom',
  ];
  const { id } = await newCustomer(owner);
  for (const name of foreign) {
    const sneaked = { id, [name]: 'x' };
    expect(await refusal(owner.customers.update(sneaked)), name).toBe(`BAD_INPUT: ${name} unknown`);
  }
});

test('an e-mail is never invented, and a website cannot run', async () => {
  expect((await newCustomer(owner)).email).toBeNull();
  expect(await refusal(newCustomer(owner, { website: 'javascript:alert(1)' }))).toMatch(
    /^BAD_INPUT: website/,
  );
  expect(await refusal(newCustomer(owner, { name: 'a\0b' }))).toMatch(/^BAD_INPUT: name/);
  expect(await refusal(newCustomer(owner, { name: '\ud800' }))).toMatch(/^BAD_INPUT: name/);
});
