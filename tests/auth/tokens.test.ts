import { createHash, hkdfSync, randomUUID } from 'node:crypto';
import { base64url, SignJWT, UnsecuredJWT } from 'jose';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '#server/app.ts';
import { identify } from '#server/auth/identify.ts';
import { findMember } from '#server/auth/membership.ts';
import { issueTokens, refreshAccess, rotateTokens } from '#server/auth/refresh-tokens.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { as, newOwner, secretKeys, startParts } from './people.ts';

let app: App;
let database: TestDatabase;
let ann: Awaited<ReturnType<typeof newOwner>>;
beforeAll(async () => {
  ({ app, database } = await startParts());
  ann = await newOwner(app);
});
afterAll(() => database.drop());

const signIn = () => issueTokens(app, ann);
const use = (token: string) =>
  identify(app, { authorization: `Bearer ${token}`, method: 'POST', customHeader: false });

test('an access token says who calls, and for which organization', async () => {
  const { access, familyId } = await signIn();
  expect(await use(access)).toEqual({
    userId: ann.userId,
    via: 'token',
    sessionHash: familyId,
    organizationId: ann.organizationId,
  });
});

test('an access token is refused as soon as its family or its person is ended', async () => {
  const { access, refresh } = await signIn();
  await (await as(app, ann)).auth.logout({ refresh });
  expect(await use(access)).toBeUndefined();
});

test('a token signed with an older key of the ring is good', async () => {
  const old = { ...app, config: { ...app.config, secretKeys: secretKeys.slice(1) } };
  const { access, refresh } = await issueTokens(old, ann);
  expect(await use(access)).toBeDefined();
  const next = await rotateTokens(old, refresh);
  expect((await rotateTokens(app, refresh)).refresh).toBe(next.refresh);
});

test('a refresh token is replaced, and its successor works', async () => {
  const { refresh } = await signIn();
  const next = await rotateTokens(app, refresh);
  expect(next.refresh).not.toBe(refresh);
  expect(await use(next.access)).toBeDefined();
  expect((await rotateTokens(app, next.refresh)).refresh).not.toBe(next.refresh);
});

test('fifty at once with one refresh token get one and the same successor', async () => {
  const { refresh, familyId } = await signIn();
  const answers = await Promise.all(Array.from({ length: 50 }, () => rotateTokens(app, refresh)));
  expect(new Set(answers.map((answer) => answer.refresh)).size).toBe(1);
  const rows = await app.db
    .selectFrom('platform.refreshTokens')
    .select('tokenHash')
    .where('familyId', '=', familyId)
    .execute();
  expect(rows).toHaveLength(2);
});

test('a refresh token used again after the grace ends its whole family', async () => {
  const { refresh, familyId } = await signIn();
  const next = await rotateTokens(app, refresh);
  await app.db
    .updateTable('platform.refreshTokens')
    .set({ replacedAt: sql<Date>`now() - interval '11 seconds'` })
    .where('familyId', '=', familyId)
    .where('replacedAt', 'is not', null)
    .execute();
  await expect(rotateTokens(app, refresh)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(rotateTokens(app, next.refresh)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await use(next.access)).toBeUndefined();
});

test('a refresh that does not rotate leaves the refresh token as it is', async () => {
  const { refresh } = await signIn();
  const first = await refreshAccess(app, refresh);
  const second = await refreshAccess(app, refresh);
  expect(await use(first.access)).toBeDefined();
  expect(await use(second.access)).toBeDefined();
});

test('no refresh token is stored, only hashes', async () => {
  const { refresh } = await signIn();
  const next = await rotateTokens(app, refresh);
  const { rows } = await database.owner.pool.query<{ row: string }>(
    'select t::text as row from platform.refresh_tokens t',
  );
  const all = rows.map(({ row }) => row).join();
  for (const token of [refresh, next.refresh]) {
    expect(all).not.toContain(token);
    expect(all).not.toContain(Buffer.from(token).toString('hex'));
  }
});

const keyOf = (secretKey: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secretKey, '', 'access token', 32));
const kidOf = (secretKey: string): string =>
  createHash('sha256').update(`name of ${secretKey}`).digest('base64url').slice(0, 12);
const [newest = ''] = secretKeys;
const good = { alg: 'HS256', typ: 'at+jwt', kid: kidOf(newest) };
const now = () => Math.floor(Date.now() / 1000);

type Trick = {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  key?: Uint8Array;
};

function forge({ header = {}, claims = {}, key = keyOf(newest) }: Trick, familyId: string) {
  const payload = {
    sub: ann.userId,
    fam: familyId,
    org: ann.organizationId,
    iss: 'syncline',
    aud: 'syncline-api',
    iat: now(),
    exp: now() + 900,
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ ...good, ...header }).sign(key);
}

test('the forger of these tests can make a token that is accepted', async () => {
  const { familyId } = await signIn();
  expect(await use(await forge({}, familyId))).toBeDefined();
});

test.each<[string, Trick]>([
  ['signed with the plain secret', { key: new TextEncoder().encode(newest) }],
  ['signed with a key of its own', { key: new Uint8Array(32) }],
  ['with another algorithm', { header: { alg: 'HS512' }, key: new Uint8Array(64) }],
  ['with an unknown key id', { header: { kid: 'another' } }],
  ['with a path as key id', { header: { kid: '../../dev/null' }, key: new Uint8Array(32) }],
  ['without a key id', { header: { kid: undefined } }],
  ['with the key id of another key', { header: { kid: kidOf(secretKeys[1] ?? '') } }],
  ['that brings its key', { header: { jwk: { kty: 'oct', k: 'AAAA' } }, key: new Uint8Array(32) }],
  ['that names a key set', { header: { jku: 'http://127.0.0.1:9/keys' }, key: new Uint8Array(32) }],
  ['for another audience', { claims: { aud: 'another' } }],
  ['of another issuer', { claims: { iss: 'another' } }],
  ['of another type', { header: { typ: 'JWT' } }],
  ['of no type', { header: { typ: undefined } }],
  ['that has expired', { claims: { exp: now() - 1 } }],
  ['that never expires', { claims: { exp: undefined } }],
  ['made too long ago', { claims: { iat: now() - 1000, exp: now() + 900 } }],
  ['that begins tomorrow', { claims: { nbf: now() + 86_400 } }],
  ['of nobody', { claims: { sub: undefined } }],
  ['of somebody unknown', { claims: { sub: randomUUID() } }],
  ['whose person is no id', { claims: { sub: "' or true --" } }],
  ['of no family', { claims: { fam: undefined } }],
  ['of an unknown family', { claims: { fam: randomUUID() } }],
  ['whose organization is no id', { claims: { org: 'demo' } }],
])('a token %s is refused', async (_, trick) => {
  const { familyId } = await signIn();
  expect(await use(await forge(trick, familyId))).toBeUndefined();
});

test('tokens without a signature, cut, changed, huge or of the wrong kind are refused', async () => {
  const { access, refresh, familyId } = await signIn();
  const [header = '', payload = '', signature = ''] = access.split('.');
  const unsigned = new UnsecuredJWT({ sub: ann.userId, fam: familyId, exp: now() + 900 }).encode();
  const none = base64url.encode(JSON.stringify({ ...good, alg: 'none' }));
  const other = base64url.encode(JSON.stringify({ sub: ann.userId, exp: now() + 900 }));
  for (const token of [
    unsigned,
    `${none}.${payload}.`,
    `${none}.${payload}.${signature}`,
    `${header}.${other}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    access.slice(0, -2),
    `${access}.${signature}`,
    refresh,
    'a'.repeat(1_000_000),
    `${header}.${'a'.repeat(1_000_000)}.${signature}`,
    '',
  ]) {
    expect(await use(token), token.slice(0, 80)).toBeUndefined();
  }
});

test('a token is good for its organization only', async () => {
  const { access } = await signIn();
  const bob = await newOwner(app, 'Bob');
  const identity = await use(access);
  expect(identity && (await findMember(app, identity, bob.organizationId))).toBeUndefined();
  expect(identity && (await findMember(app, identity, ann.slug))).toMatchObject({
    roleSlug: 'owner',
  });
});
