import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from 'kysely';
import type { App } from '#server/app.ts';
import { changePassword } from '#server/auth/change-password.ts';
import { fingerprint } from '#server/auth/secrets.ts';
import { endSession, findSession, livingSignIns, startSession } from '#server/auth/sessions.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { newOwner, newPerson, password, startParts } from './people.ts';

let app: App;
let database: TestDatabase;
beforeAll(async () => ({ app, database } = await startParts()));
afterAll(() => database.drop());

const device = { userAgent: 'a browser', ip: '198.51.100.7' };
const start = (userId: string) => startSession(app, { userId, ...device });
const find = (value: string) => findSession(app, `syncline=${value}`);

test('the database holds the hash of a session and nothing that opens it', async () => {
  const { userId } = await newPerson(app, 'hash@example.test');
  const { value } = await start(userId);
  const { rows } = await database.owner.pool.query<{ row: string; id_hash: Buffer }>(
    'select s::text as row, id_hash from platform.sessions s where user_id = $1',
    [userId],
  );
  expect(rows).toHaveLength(1);
  expect(rows[0]?.id_hash).toEqual(fingerprint(value));
  expect(rows[0]?.row).not.toContain(value);
  expect(rows[0]?.row).not.toContain(Buffer.from(value).toString('hex'));
  expect((await find(value))?.person.userId).toBe(userId);
  expect(await find(fingerprint(value).toString('hex'))).toBeUndefined();
});

test('a session slides: at half life it is good for thirty days again, and the cookie is sent anew', async () => {
  const { userId } = await newPerson(app, 'slide@example.test');
  const { value } = await start(userId);
  expect((await find(value))?.renewedCookie).toBeUndefined();
  await setExpiry(userId, '14 days');
  expect((await find(value))?.renewedCookie?.attributes.maxAge).toBe(30 * 24 * 3600);
  const { daysLeft } = await app.db
    .selectFrom('platform.sessions')
    .select(sql<number>`extract(day from expires_at - now())::int`.as('daysLeft'))
    .where('userId', '=', userId)
    .executeTakeFirstOrThrow();
  expect(daysLeft).toBeGreaterThanOrEqual(29);
});

test('an expired session is nobody', async () => {
  const { userId } = await newPerson(app, 'expired@example.test');
  const { value } = await start(userId);
  await setExpiry(userId, '-1 second');
  expect(await find(value)).toBeUndefined();
});

test('a session ends at once when it is ended or its person is shut out', async () => {
  const { userId } = await newPerson(app, 'ended@example.test');
  const [first, second] = [await start(userId), await start(userId)];
  const hash = fingerprint(first.value).toString('hex');
  const other = fingerprint(second.value).toString('hex');
  await endSession(app, { userId, sessionHash: hash });
  expect(await find(first.value)).toBeUndefined();
  expect(await livingSignIns(app, [hash, other])).toEqual(new Set([other]));
  await app.db
    .updateTable('platform.users')
    .set({ isActive: false })
    .where('id', '=', userId)
    .execute();
  expect(await find(second.value)).toBeUndefined();
  expect(await livingSignIns(app, [other])).toEqual(new Set());
});

test('a changed password ends every session but the one that changed it', async () => {
  const { userId } = await newPerson(app, 'change@example.test');
  const [here, there] = [await start(userId), await start(userId)];
  const keep = fingerprint(here.value).toString('hex');
  const wrong = { userId, keep, current: 'not this one', next: 'another long one' };
  await expect(changePassword(app, wrong)).rejects.toMatchObject({ code: 'BAD_INPUT' });
  expect(await find(there.value)).toBeDefined();
  await changePassword(app, { ...wrong, current: password });
  expect(await find(here.value)).toBeDefined();
  expect(await find(there.value)).toBeUndefined();
});

test('who must change the password first is in no organization until then', async () => {
  const { app: other, database: own } = await startParts();
  const ann = await newOwner(other);
  await other.db.updateTable('platform.users').set({ mustChangePassword: true }).execute();
  const { value } = await startSession(other, { userId: ann.userId, ...device });
  const name = fingerprint(value).toString('hex');
  expect(await livingSignIns(other, [name])).toEqual(new Set());
  const before = await findSession(other, `syncline=${value}`);
  expect(before?.person).toMatchObject({ mustChangePassword: true, memberships: [] });
  await changePassword(other, { userId: ann.userId, current: password, next: 'another long one' });
  const { value: next } = await startSession(other, { userId: ann.userId, ...device });
  const after = await findSession(other, `syncline=${next}`);
  expect(after?.person.memberships).toHaveLength(1);
  const living = fingerprint(next).toString('hex');
  expect(await livingSignIns(other, [living])).toEqual(new Set([living]));
  await own.drop();
});

test('over https the cookie is Secure and bound to the host, over http it is not', async () => {
  await using https = await startParts({ PUBLIC_URL: 'https://crm.example.test' });
  const { userId } = await newPerson(https.app, 'cookie@example.test');
  const { name, attributes } = await startSession(https.app, { userId, ...device });
  expect(name).toBe('__Host-syncline');
  expect(attributes).toMatchObject({ secure: true, httpOnly: true, sameSite: 'lax', path: '/' });
  const plain = await start((await newPerson(app, 'plain@example.test')).userId);
  expect(plain.name).toBe('syncline');
  expect(plain.attributes).toMatchObject({ secure: false, httpOnly: true, sameSite: 'lax' });
});

async function setExpiry(userId: string, from: string): Promise<void> {
  await app.db
    .updateTable('platform.sessions')
    .set({ expiresAt: sql<Date>`now() + ${from}::interval` })
    .where('userId', '=', userId)
    .execute();
}
