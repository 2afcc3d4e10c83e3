import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from 'kysely';
import { findPerson } from '#server/auth/person.ts';
import { askForReset, resetPassword } from '#server/auth/reset-password.ts';
import { findSession, startSession } from '#server/auth/sessions.ts';
import { checkPassword } from '#server/auth/sign-in.ts';
import { askToVerify, verifyEmail } from '#server/auth/verify-email.ts';
import { openPostOffice, type PostOffice } from '#tests/support/post-office.ts';
import { as, newOwner, newPerson, password, roleIdOf, startParts } from './people.ts';

let parts: Awaited<ReturnType<typeof startParts>>;
let office: PostOffice;
const ip = '198.51.100.9';

beforeAll(async () => {
  office = await openPostOffice();
  parts = await startParts({ SMTP_URL: office.url, PUBLIC_URL: 'https://crm.example.test' });
});
afterAll(async () => {
  await parts[Symbol.asyncDispose]();
  await office[Symbol.asyncDispose]();
});

/** The token of the newest link to a page that was written to somebody. */
async function tokenFor(email: string, page: string): Promise<string> {
  const link = new RegExp(`https://crm\\.example\\.test/${page}/([\\w-]+)`);
  const find = () => office.letters.findLast(({ to }) => to === email)?.text.match(link)?.[1];
  await expect.poll(find).toBeDefined();
  return find() ?? '';
}

test('a forgotten password is replaced by a link that is good once, and every sign-in ends', async () => {
  const { app } = parts;
  const { userId, email } = await newPerson(app, 'forgot@example.test');
  const { value } = await startSession(app, { userId, userAgent: null, ip });
  await askForReset(app, { email: ' Forgot@Example.test ', ip });
  const token = await tokenFor(email, 'reset-password');
  const short = resetPassword(app, { token, password: 'short' });
  await expect(short).rejects.toMatchObject({ code: 'BAD_INPUT' });
  await resetPassword(app, { token, password: 'a new long password' });
  expect(await findSession(app, `__Host-syncline=${value}`)).toBeUndefined();
  await checkPassword(app, { email, password: 'a new long password', ip });
  await expect(checkPassword(app, { email, password, ip })).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
  const again = resetPassword(app, { token, password: 'yet another long one' });
  await expect(again).rejects.toMatchObject({ details: { reason: 'linkGone' } });
});

test('of two links only the newer is good, none after its hour, and a stranger is written nothing', async () => {
  const { app } = parts;
  const { email } = await newPerson(app, 'twice@example.test');
  await askForReset(app, { email, ip });
  const first = await tokenFor(email, 'reset-password');
  await askForReset(app, { email, ip });
  await expect.poll(() => tokenFor(email, 'reset-password')).not.toBe(first);
  const second = await tokenFor(email, 'reset-password');
  const gone = { details: { reason: 'linkGone' } };
  const next = 'a new long password';
  await expect(resetPassword(app, { token: first, password: next })).rejects.toMatchObject(gone);
  await app.db
    .updateTable('platform.accountLinks')
    .set({ expiresAt: sql<Date>`now() - interval '1 second'` })
    .execute();
  await expect(resetPassword(app, { token: second, password: next })).rejects.toMatchObject(gone);
  const before = office.letters.length;
  await askForReset(app, { email: 'nobody@example.test', ip });
  await askForReset(app, { email, ip });
  await expect.poll(() => office.letters.length).toBe(before + 1);
  expect(office.letters.some(({ to }) => to === 'nobody@example.test')).toBe(false);
});

test('nobody’s mailbox is flooded', async () => {
  const { app } = parts;
  const { email } = await newPerson(app, 'flood@example.test');
  for (let n = 0; n < 5; n += 1) await askForReset(app, { email, ip: `198.51.100.${n}` });
  const more = askForReset(app, { email, ip: '198.51.100.77' });
  await expect(more).rejects.toMatchObject({ code: 'TOO_MANY' });
});

test('an address is proved by its link, and not by one that was sent to another', async () => {
  const { app } = parts;
  const { userId, email } = await newPerson(app, 'prove@example.test');
  await askToVerify(app, userId);
  const token = await tokenFor(email, 'verify-email');
  const moved = { email: 'moved@example.test' };
  await app.db.updateTable('platform.users').set(moved).where('id', '=', userId).execute();
  await expect(verifyEmail(app, token)).rejects.toMatchObject({ details: { reason: 'linkGone' } });
  await askToVerify(app, userId);
  await verifyEmail(app, await tokenFor(moved.email, 'verify-email'));
  expect(await findPerson(app, userId)).toMatchObject({ isVerified: true });
});

test('without post nothing is promised; an administrator’s link opens accounts of this organization alone', async () => {
  await using quiet = await startParts();
  const { app, database } = quiet;
  const owner = await newOwner(app);
  await expect(askForReset(app, { email: owner.email, ip })).rejects.toMatchObject({
    details: { reason: 'noPost' },
  });
  const person = await newPerson(app, 'member@example.test');
  const join = async (place: typeof owner) => {
    const { organizationId } = place;
    const row = { organizationId, userId: person.userId, name: 'Member' };
    const roleId = await roleIdOf(app, place, 'sales');
    const made = database.owner.db.insertInto('members').values({ ...row, roleId });
    return (await made.returning('id').executeTakeFirstOrThrow()).id;
  };
  const id = await join(owner);
  const calls = await as(app, owner);
  const { path } = await calls.members.makeResetLink({ id });
  const token = path.replace('/reset-password/', '');
  await resetPassword(app, { token, password: 'a new long password' });
  await checkPassword(app, { email: person.email, password: 'a new long password', ip });
  await join(await newOwner(app, 'Bob'));
  await expect(calls.members.makeResetLink({ id })).rejects.toMatchObject({
    cause: { details: { reason: 'accountOfOthers' } },
  });
});
