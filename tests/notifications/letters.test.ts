import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, dayIn, instantOf } from '#lib/shared/dates.ts';
import { newId } from '#lib/shared/ids.ts';
import { readConfig } from '#server/config.ts';
import { sendLetters } from '#server/notifications/letters.ts';
import { notifications } from '#server/notifications/reader.ts';
import { remind } from '#server/notifications/reminders.ts';
import { afterQuiet, letterDue } from '#server/notifications/when.ts';
import { newDeal, startTeam, type Board, type Somebody } from '#tests/features/team.ts';
import { running } from '#tests/readers/reading.ts';
import { openPostOffice, type PostOffice } from '#tests/support/post-office.ts';
import { inboxOf, said } from './inbox.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let reading: Awaited<ReturnType<typeof running>>;
let office: PostOffice;
let board: Board;
let ann: Somebody;
let bob: Somebody;

beforeAll(async () => {
  [team, office] = await Promise.all([startTeam(), openPostOffice()]);
  reading = await running(team.database.url, [notifications]);
  board = await team.board();
  [ann, bob] = [await team.join('manager'), await team.join('sales', 'North')];
});
beforeEach(async () => {
  office.letters.length = 0;
  await sql('delete from crm.notifications');
  await sql('delete from crm.notification_preferences');
});
afterAll(async () => {
  await reading[Symbol.asyncDispose]();
  await office[Symbol.asyncDispose]();
  await team[Symbol.asyncDispose]();
});

const sql = (statement: string) => team.database.owner.pool.query(statement);
const give = async (title: string) =>
  newDeal(await team.as(ann), board, { title, ownerId: bob.memberId });
const post = async (smtpUrl = office.url) => {
  await reading.settle();
  const config = readConfig({
    DEMO: '0',
    SECRET_KEYS: 'x'.repeat(32),
    PUBLIC_URL: 'http://crm.test',
    SMTP_URL: smtpUrl,
    MAIL_FROM: 'crm@crm.test',
  });
  const { owner } = team.database;
  return sendLetters({ ...team.app, config }, owner.pool, new AbortController().signal);
};
const messageIdOf = (head: string) => /message-id: (.*)/i.exec(head)?.[1];
const lettersTo = (who: string) => office.letters.filter(({ to }) => to.includes(who));

test('a letter says what was given to whom, once', async () => {
  await give('Mill');
  expect(await post()).toEqual({ sent: 1, failed: 0 });
  expect(await post()).toEqual({ sent: 0, failed: 0 });
  const [letter] = office.letters;
  expect(letter?.to).toContain('sales-');
  expect(letter?.text).toContain('makes you the owner');
  expect(letter?.text).toContain('http://crm.test/o/');
});

test('what was read by then, or put out of sight, is in no letter', async () => {
  const { id } = await give('Mill');
  await reading.settle();
  await (await team.as(bob)).notifications.readAll({ upTo: Date.now() + 1_000 });
  await give('Oven');
  await reading.settle();
  const head = await team.as(team.owner);
  await head.deals.update({ id, ownerId: ann.memberId });
  await post();
  const [letter, ...more] = lettersTo('sales-');
  expect(letter?.text).toContain('Oven');
  expect(letter?.text).not.toContain('Mill');
  expect(more).toEqual([]);
});

test('a letter that may have gone is sent again as the same one, with what it had', async () => {
  await give('Mill');
  await post();
  // As if the node had died before it could say so; meanwhile there is more to tell.
  await give('Oven');
  await sql(
    'update crm.notification_letters set sent_at = null, leased_until = now() where batch is not null',
  );
  await post();
  const mills = office.letters.filter(({ text }) => text.includes('Mill'));
  const [first, again] = mills.map(({ head }) => messageIdOf(head));
  expect(mills).toHaveLength(2);
  expect(first).toMatch(/^<[0-9a-f-]{36}@crm.test>/);
  expect(again).toBe(first);
  expect(office.letters.filter(({ text }) => text.includes('Oven'))).toHaveLength(1);
  expect(office.letters).toHaveLength(3);
});

test('what the post office does not take is tried again later', async () => {
  await give('Mill');
  expect(await post('smtp://127.0.0.1:1')).toEqual({ sent: 0, failed: 1 });
  expect(await post()).toEqual({ sent: 0, failed: 0 });
  await sql('update crm.notification_letters set leased_until = now()');
  expect(await post()).toEqual({ sent: 1, failed: 0 });
});

test('a digest waits for its hour and is one letter', async () => {
  const calls = await team.as(bob);
  await calls.notifications.prefer({ id: newId(), digest: 'daily' });
  await give('Mill');
  await give('Oven');
  expect(await post()).toEqual({ sent: 0, failed: 0 });
  await sql('update crm.notification_letters set due_at = now()');
  expect(await post()).toEqual({ sent: 1, failed: 0 });
  expect(office.letters[0]?.head).toContain('2 notifications');
  expect(office.letters[0]?.text).toMatch(/Mill[^]*Oven/);
  await calls.notifications.prefer({ id: newId(), digest: 'never' });
  await give('Fridge');
  expect(await post()).toEqual({ sent: 0, failed: 0 });
});

test('quiet hours hold letters back until their end, over midnight too', () => {
  const night = {
    digest: 'instant',
    quietFrom: '21:00',
    quietTo: '08:00',
    timeZone: 'Asia/Almaty',
  };
  const at = (time: string) => Date.parse(`2026-11-20T${time}:00+05:00`);
  expect(afterQuiet(night, at('12:00'))).toBe(at('12:00'));
  expect(afterQuiet(night, at('21:00'))).toBe(Date.parse('2026-11-21T08:00:00+05:00'));
  expect(afterQuiet(night, at('03:30'))).toBe(at('08:00'));
  expect(afterQuiet(night, at('08:00'))).toBe(at('08:00'));
  const noon = { ...night, quietFrom: '12:00', quietTo: '13:00' };
  expect(afterQuiet(noon, at('12:59'))).toBe(at('13:00'));
  expect(letterDue({ ...night, digest: 'daily' }, at('09:00'))).toBe(
    Date.parse('2026-11-21T09:00:00+05:00'),
  );
  // A Friday, before nine; the next one comes after nine.
  expect(letterDue({ ...night, digest: 'weekly' }, at('08:59'))).toBe(at('09:00'));
  expect(letterDue({ ...night, digest: 'weekly' }, at('09:00'))).toBe(
    Date.parse('2026-11-27T09:00:00+05:00'),
  );
  expect(letterDue({ ...night, digest: 'never' }, at('09:00'))).toBeUndefined();
});

test('what is due, overdue or does not move is told once, and what was put off comes back', async () => {
  const { id } = await give('Mill');
  const calls = await team.as(bob);
  const task = (title: string, dueAt: number) =>
    calls.activities.create({ id: newId(), kind: 'task', title, dueAt, dealId: id });
  await task('Yesterday', Date.now() - 20 * 3_600_000);
  await task('Long ago', Date.now() - 20 * 86_400_000);
  await task('Far', Date.now() + 40 * 86_400_000);
  await sql(`update crm.organizations set time_zone = 'Etc/GMT+12'`);
  await sql(`update crm.stages set rotting_days = 3`);
  await sql(`update crm.deals set stage_entered_at = now() - interval '4 days' where id = '${id}'`);
  await reading.settle();
  await sql('delete from crm.notifications');
  for (let times = 0; times < 2; times += 1) await remind(team.app.live, team.database.owner.pool);
  const { pool } = team.database.owner;
  expect(said(await inboxOf(pool, bob.memberId)).sort()).toEqual([
    'overdue: Mill',
    'rotting: Mill',
  ]);
  const rows = await calls.notifications.list({});
  const ids = rows.items.map((one) => one.id);
  await calls.notifications.snooze({ ids, until: Date.now() - 1_000 });
  await remind(team.app.live, pool);
  const states = (await inboxOf(pool, bob.memberId)).map(({ state }) => state);
  expect(states).toEqual(['unread', 'unread']);
});

test('whoever follows a deal is told once for each stay in a stage that it does not move', async () => {
  const { id } = await give('Mill');
  const { pool } = team.database.owner;
  await sql(`update crm.stages set rotting_days = 3`);
  await sql(`update crm.deals set stage_entered_at = now() - interval '4 days' where id = '${id}'`);
  await reading.settle();
  await sql('delete from crm.notifications');
  await remind(team.app.live, pool);
  // Who made it follows; who came later to follow hears it as well, and whoever has heard it not again.
  expect(said(await inboxOf(pool, ann.memberId))).toEqual(['rotting: Mill']);
  const cat = await team.join('manager');
  const follow = { id: newId(), entity: 'deals', recordId: id, state: 'following' } as const;
  await (await team.as(cat)).follows.set(follow);
  const south = await team.join('sales', 'South');
  await sql(`insert into crm.follows (organization_id, member_id, entity, record_id, state)
    values ('${south.organizationId}', '${south.memberId}', 'deals', '${id}', 'following')`);
  await remind(team.app.live, pool);
  expect(said(await inboxOf(pool, cat.memberId))).toEqual(['rotting: Mill']);
  expect(said(await inboxOf(pool, bob.memberId))).toEqual(['rotting: Mill']);
  // Who may not see the deal hears nothing, and another stay in a stage is told anew.
  expect(await inboxOf(pool, south.memberId)).toEqual([]);
  await sql(`update crm.deals set stage_entered_at = now() - interval '5 days' where id = '${id}'`);
  await remind(team.app.live, pool);
  expect(said(await inboxOf(pool, ann.memberId))).toEqual(['rotting: Mill', 'rotting: Mill']);
});

test('a task without a time is of its whole day, and overdue when that is over', async () => {
  const { id } = await give('Mill');
  const calls = await team.as(bob);
  const zone = 'Asia/Kolkata';
  await sql(`update crm.organizations set time_zone = '${zone}'`);
  const today = dayIn(zone, new Date());
  for (const day of [today, addDays(today, -1)]) {
    const dueAt = instantOf(day, '00:00', zone);
    await calls.activities.create({ id: newId(), kind: 'task', title: day, dealId: id, dueAt });
  }
  await reading.settle();
  await sql('delete from crm.notifications');
  await remind(team.app.live, team.database.owner.pool);
  const told = await inboxOf(team.database.owner.pool, bob.memberId);
  expect(told.map(({ words, data }) => [words, data['text']]).sort()).toEqual([
    ['due', today],
    ['overdue', addDays(today, -1)],
  ]);
});

test('a task of today is told on its day', async () => {
  const { id } = await give('Mill');
  const calls = await team.as(bob);
  // Somewhere it is early enough that the day still has an hour.
  await sql(`update crm.organizations set time_zone = case when extract(hour from now() at time zone 'UTC') < 20
    then 'UTC' else 'Etc/GMT+12' end`);
  await calls.activities.create({
    ...{ id: newId(), kind: 'task', title: 'Soon', dealId: id, dueAt: Date.now() + 3_600_000 },
  });
  await reading.settle();
  await remind(team.app.live, team.database.owner.pool);
  const rows = said(await inboxOf(team.database.owner.pool, bob.memberId));
  expect(rows).toContain('due: Mill');
});
