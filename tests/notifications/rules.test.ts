import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { fillDemo } from '#server/demo.ts';
import { Flush } from '#server/live/flush.ts';
import { notifications } from '#server/notifications/reader.ts';
import { remind } from '#server/notifications/reminders.ts';
import {
  newCustomer,
  newDeal,
  startTeam,
  type Board,
  type Calls,
  type Somebody,
} from '#tests/features/team.ts';
import { running } from '#tests/readers/reading.ts';
import { freshDatabase } from '#tests/support/database.ts';
import { inboxOf, said } from './inbox.ts';

type Team = Awaited<ReturnType<typeof startTeam>>;
let team: Team;
let reading: Awaited<ReturnType<typeof running>>;
let board: Board;
let ann: Somebody;
let bob: Somebody;
let cat: Somebody;
let anns: Calls;
let bobs: Calls;

beforeAll(async () => {
  team = await startTeam();
  reading = await running(team.database.url, [notifications]);
  board = await team.board();
  ann = await team.join('manager');
  bob = await team.join('sales', 'North');
  cat = await team.join('sales', 'South');
});
beforeEach(async () => {
  [anns, bobs] = [await team.as(ann), await team.as(bob)];
  await team.database.owner.pool.query('delete from crm.notifications');
});
afterAll(async () => {
  await reading[Symbol.asyncDispose]();
  await team[Symbol.asyncDispose]();
});

const heard = async (who: Somebody): Promise<string[]> => {
  await reading.settle();
  return said(await inboxOf(team.database.owner.pool, who.memberId));
};

test('who is given a deal hears of it; who gives it away does not', async () => {
  await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  expect(await heard(bob)).toEqual(['assigned: Mill']);
  expect(await heard(ann)).toEqual([]);
  expect(await heard(cat)).toEqual([]);
});

test('owner and author follow by themselves, and changes of one person become one', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  await bobs.deals.update({ id, title: 'Mill 2' });
  await bobs.deals.update({ id, priority: 'high' });
  await bobs.deals.move({ id, stageId: board.stage('Proposal') });
  await bobs.deals.update({ id, value: 5_00 });
  expect(await heard(ann)).toEqual(['stage ×4: Mill 2']);
  expect(await heard(bob)).toEqual(['assigned: Mill']);
  const [row] = await inboxOf(team.database.owner.pool, ann.memberId);
  expect(row?.data['stageId']).toBe(board.stage('Proposal'));
  expect(row?.actor).toBe(bob.memberId);
});

test('what was read is not added to; what comes then is new', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  await bobs.deals.update({ id, priority: 'low' });
  await reading.settle();
  await anns.notifications.readAll({ upTo: Date.now() });
  await bobs.deals.update({ id, priority: 'high' });
  expect(await heard(ann)).toEqual(['changed: Mill', 'changed: Mill']);
});

test('where a card lies, and what follows from other rows, is no news', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  await bobs.deals.move({ id, stageId: board.stage('Lead'), rank: 'a5' });
  expect(await heard(ann)).toEqual([]);
});

test('what is sold is part of its deal, but for what comes, goes or is handed over with it', async () => {
  const productId = newId();
  const head = await team.as(team.owner);
  await head.products.create({ id: productId, name: 'Stone', currency: 'EUR', price: '7' });
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  await reading.settle();
  await bobs.notifications.readAll({ upTo: Date.now() + 1_000 });
  const line = newId();
  await anns.dealProducts.add({ id: line, dealId: id, productId });
  await anns.dealProducts.update({ id: line, quantity: '2' });
  await anns.dealProducts.remove({ id: line });
  await anns.deals.update({ id, priority: 'high' });
  expect((await heard(bob)).slice(1)).toEqual(['changed ×4: Mill']);
  const { data } = (await inboxOf(team.database.owner.pool, bob.memberId))[1] ?? {};
  expect(data?.['fields']).toEqual(['products', 'priority']);
  expect(await heard(cat)).toEqual([]);

  await anns.dealProducts.add({ id: newId(), dealId: id, productId });
  await reading.settle();
  await team.database.owner.pool.query('delete from crm.notifications');
  await head.deals.update({ id, ownerId: cat.memberId });
  expect(await heard(cat)).toEqual(['assigned: Mill']);
  expect(await heard(ann)).toEqual(['changed: Mill']);
  await head.deals.delete({ id });
  expect(await heard(cat)).toEqual(['deleted: Mill']);
  await team.database.owner.pool.query(
    `with made as (insert into crm.deals (organization_id, pipeline_id, stage_id, rank, title, currency, owner_id)
       values ($1, $2, $3, 'a0', 'Brought', 'EUR', $4) returning organization_id, id)
     insert into crm.deal_products (organization_id, deal_id, product_id, currency)
     select organization_id, id, $5, 'EUR' from made`,
    [ann.organizationId, board.pipelineId, board.stage('Lead'), cat.memberId, productId],
  );
  expect(await heard(cat)).toEqual(['deleted: Mill', 'assigned: Brought']);
});

test('won and lost, notes and tasks are told to those who follow', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId, value: 9_00 });
  await bobs.deals.markWon({ id });
  await bobs.activities.create({
    id: newId(),
    kind: 'note',
    title: 'Good',
    body: 'Good news',
    dealId: id,
    doneAt: Date.now(),
  });
  await anns.activities.create({
    id: newId(),
    kind: 'call',
    title: 'Call them',
    dealId: id,
    ownerId: bob.memberId,
    dueAt: Date.now() + 3_600_000,
  });
  expect(await heard(ann)).toEqual(['won: Mill', 'comment: Mill']);
  expect(await heard(bob)).toEqual(['assigned: Mill', 'assignedActivity: Mill']);
  const told = await inboxOf(team.database.owner.pool, ann.memberId);
  expect(told[0]?.data).toMatchObject({ value: 900, currency: 'USD' });
  expect(told[1]?.data).toMatchObject({ text: 'Good news' });
});

test('who is mentioned in a note hears of it once, also when the note is changed', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  const { pool } = team.database.owner;
  const note = newId();
  await pool.query(
    `insert into crm.activities (organization_id, id, kind, title, body, deal_id, owner_id, mentions)
     values ($1, $2, 'note', 'Hi', '@bob', $3, $4, $5)`,
    [ann.organizationId, note, id, bob.memberId, [bob.memberId, cat.memberId]],
  );
  await pool.query(
    `update crm.activities set body = '@bob and @ann', mentions = $2 where id = $1`,
    [note, [bob.memberId, ann.memberId]],
  );
  expect(await heard(bob)).toEqual(['assigned: Mill', 'mentioned: Mill']);
  // Who is not mentioned at first hears of the note as a follower, and then of the mention.
  expect(await heard(ann)).toEqual(['comment: Mill', 'mentioned: Mill']);
  // Who may not see the deal hears nothing, whoever writes the name.
  expect(await heard(cat)).toEqual([]);
});

test('a mute silences a record, a follow opens it', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  const owner = await team.as(team.owner);
  const record = { entity: 'deals', recordId: id } as const;
  await owner.follows.set({ ...record, id: newId(), state: 'following' });
  await anns.follows.set({ ...record, id: newId(), state: 'muted' });
  await bobs.deals.markWon({ id });
  expect(await heard(ann)).toEqual([]);
  expect(await heard(team.owner)).toEqual(['won: Mill']);
  await owner.follows.set({ ...record, id: newId(), state: 'asUsual' });
  await bobs.deals.reopen({ id });
  expect(await heard(team.owner)).toEqual(['won: Mill']);
});

test('what one does not want to hear of is not told', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  const none = { app: false, email: false };
  await anns.notifications.prefer({ id: newId(), kinds: { won: none } });
  await bobs.deals.markWon({ id });
  await bobs.deals.reopen({ id });
  expect(await heard(ann)).toEqual(['stage: Mill']);
  await anns.notifications.prefer({ id: newId(), kinds: { won: { ...none, app: true } } });
});

test('a deal that changes hands takes what is told of it along', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  await anns.activities.create({ id: newId(), kind: 'task', title: 'T', ownerId: bob.memberId });
  expect(await heard(bob)).toEqual(['assigned: Mill', 'assignedActivity: T']);
  await anns.deals.update({ id, ownerId: cat.memberId });
  expect(await heard(bob)).toEqual(['assignedActivity: T']);
  expect(await heard(cat)).toEqual(['assigned: Mill']);
});

test('who loses a role, a team or the membership keeps nothing that he may not see', async () => {
  const dan = await team.join('viewer');
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  const record = { entity: 'deals', recordId: id } as const;
  const head = await team.as(team.owner);
  await (await team.as(dan)).follows.set({ ...record, id: newId(), state: 'following' });
  await bobs.deals.markWon({ id });
  expect(await heard(dan)).toEqual(['won: Mill']);
  const roles = await head.roles.list();
  const sales = roles.items.find(({ slug }) => slug === 'sales')?.id ?? '';
  await head.members.update({ id: dan.memberId, roleId: sales });
  expect(await heard(dan)).toEqual([]);
  await newDeal(anns, board, { title: 'Oven', ownerId: dan.memberId });
  expect(await heard(dan)).toEqual(['assigned: Oven']);
  await head.members.update({ id: dan.memberId, isActive: false });
  expect(await heard(dan)).toEqual([]);
});

test('a deletion is told, and all that was told before goes with the record', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  expect(await heard(bob)).toEqual(['assigned: Mill']);
  await anns.deals.delete({ id }).catch(() => undefined);
  await (await team.as(team.owner)).deals.delete({ id }).catch(() => undefined);
  expect(await heard(bob)).toEqual(['deleted: Mill']);
  // Judged by its last image from then on.
  await team.database.owner.pool.query(`update crm.members set team_id = null where id = $1`, [
    bob.memberId,
  ]);
  expect(await heard(bob)).toEqual(['deleted: Mill']);
});

test('whose change is taken back hears of it from whoever takes it back', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  const { position } = await bobs.deals.update({ id, priority: 'low' });
  const { pool } = team.database.owner;
  const client = await pool.connect();
  await client.query(
    `begin; select set_config('app.actor', '${ann.memberId}', true), set_config('app.run_id', 'undo:${position}', true)`,
  );
  await client.query(`update crm.deals set priority = 'medium' where id = $1`, [id]);
  await client.query('commit');
  client.release();
  expect(await heard(bob)).toEqual(['assigned: Mill', 'undone: Mill']);
});

test('an import says once what it brought, and a customer is told of like a deal', async () => {
  const client = await team.database.owner.pool.connect();
  for (const name of ['A', 'B', 'C']) {
    await client.query(
      `begin; select set_config('app.actor', 'import', true), set_config('app.run_id', 'import 1', true)`,
    );
    await client.query(
      `insert into crm.customers (organization_id, name, owner_id) values ($1, $2, $3)`,
      [bob.organizationId, name, bob.memberId],
    );
    await client.query('commit');
  }
  client.release();
  const { id } = await newCustomer(anns, { name: 'Zed', ownerId: bob.memberId });
  await bobs.customers.update({ id, city: 'Oslo' });
  expect(await heard(bob)).toEqual(['assigned ×3: A', 'assigned: Zed']);
  expect(await heard(ann)).toEqual(['changed: Zed']);
});

test('what is read again is told once, also what became one with others or is gone', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  await bobs.deals.update({ id, priority: 'low' });
  await bobs.deals.update({ id, priority: 'high' });
  const before = [await heard(ann), await heard(bob)];
  expect(before).toEqual([['changed ×2: Mill'], ['assigned: Mill']]);
  await team.database.owner.pool.query(
    `update sync.reader_cursors set pos = 0 where organization_id = $1`,
    [bob.organizationId],
  );
  await bobs.deals.update({ id, priority: 'urgent' });
  expect([await heard(ann), await heard(bob)]).toEqual([['changed ×3: Mill'], ['assigned: Mill']]);
});

test('in the demo everybody who signs in first has something to read', async () => {
  await using base = await freshDatabase();
  await using demo = await running(base.url, [notifications]);
  const live = { pool: base.pool, flush: new Flush(base.pool), poke: () => undefined };
  await fillDemo({ live }, { password: 'demo-syncline' });
  await demo.settle();
  const { rows } = await base.owner.pool.query<{ email: string; words: string[] }>(
    `select m.email, array_agg(n.data ->> 'words' order by n.at) as words
     from crm.notifications n join crm.members m on m.id = n.member_id group by 1 order by 1`,
  );
  const told = new Map(rows.map(({ email, words }) => [email, words]));
  // What the demo was filled with is told in one piece.
  expect(told.get('anna@demo.test')?.toSorted()).toEqual([
    'assigned',
    'assignedActivity',
    'mentioned',
  ]);
  expect(told.get('boris@demo.test')?.slice(-2)).toEqual(['mentioned', 'assignedActivity']);
  expect(told.get('vera@demo.test')?.at(-1)).toBe('changed');
});

test('what is refused long after it was made is told once, of the record where that is seen', async () => {
  const { id } = await newDeal(anns, board, { title: 'Mill', ownerId: bob.memberId });
  await reading.settle();
  await team.database.owner.pool.query('delete from crm.notifications');
  const notice = (recordId: string) => ({
    ...{ key: newId(), name: 'deals.update', recordId, about: 'As it was', madeAt: 0 },
  });
  const mine = notice(id);
  await bobs.notifications.refused(mine);
  await bobs.notifications.refused(mine);
  const cats = await team.as(cat);
  await cats.notifications.refused(notice(id));
  await cats.notifications.refused(notice(newId()));
  expect(await heard(bob)).toEqual(['refused: Mill']);
  // What never was and what is out of sight are told alike, by the name that it had there.
  expect(await heard(cat)).toEqual(['refused: As it was', 'refused: As it was']);
  expect(await heard(ann)).toEqual([]);
  const told = await inboxOf(team.database.owner.pool, cat.memberId);
  expect(told.map(({ recordId }) => recordId)).toEqual([cat.memberId, cat.memberId]);
});

test('what does not match the seal is told once to administrators, each finding', async () => {
  const { pool } = team.database.owner;
  const admin = await team.join('admin');
  const find = (...findings: string[]) =>
    pool.query(
      `insert into sync.seal_checks (organization_id, sealed_to, findings) values ($1, 9, $2)
       on conflict (organization_id) do update set findings = excluded.findings`,
      [ann.organizationId, findings],
    );
  const alerts = async (who: Somebody) =>
    (await inboxOf(pool, who.memberId)).filter(({ kind }) => kind === 'alert');
  await find();
  await remind(team.app.live, pool);
  expect(await alerts(admin)).toEqual([]);
  await find('rows of positions 1 to 4: changed', 'the seal up to 4 is another');
  // Two nodes at once, and one more that comes later.
  await Promise.all([remind(team.app.live, pool), remind(team.app.live, pool)]);
  await remind(team.app.live, pool);
  expect((await alerts(admin)).map(({ words, count }) => [words, count])).toEqual([
    ['sealBroken', 2],
  ]);
  await (await team.as(admin)).notifications.readAll({ upTo: Date.now() + 1_000 });
  await find('rows of positions 1 to 4: changed', 'rows of positions 5 to 6: 1 missing');
  await remind(team.app.live, pool);
  expect((await alerts(admin)).map(({ count }) => count)).toEqual([2, 1]);
  for (const other of [ann, bob, cat]) expect(await alerts(other)).toEqual([]);
});

test('what is set aside behind the scenes is told once, to administrators while they are', async () => {
  const { pool } = team.database.owner;
  const admin = await team.join('admin');
  const fail = (pos: number) =>
    pool.query(
      `insert into sync.reader_poison (organization_id, reader, pos, error) values ($1, 'history', $2, 'x')`,
      [ann.organizationId, pos],
    );
  await fail(1);
  await fail(2);
  for (let times = 0; times < 2; times += 1) await remind(team.app.live, pool);
  const names = await pool.query<{ name: string }>(
    'select name from crm.organizations where id = $1',
    [ann.organizationId],
  );
  expect(await heard(admin)).toEqual([`setAside ×2: ${names.rows[0]?.name}`]);
  for (const other of [ann, bob, cat])
    expect((await heard(other)).join()).not.toContain('setAside');
  const head = await team.as(team.owner);
  const { items } = await head.roles.list();
  const roleId = items.find(({ slug }) => slug === 'sales')?.id;
  await head.members.update({ id: admin.memberId, roleId });
  expect(await heard(admin)).toEqual([]);
});
