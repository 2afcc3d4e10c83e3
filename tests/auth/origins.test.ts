import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '#server/app.ts';
import { admit } from '#server/auth/admission.ts';
import { credentialsOf, identify } from '#server/auth/identify.ts';
import { startSession } from '#server/auth/sessions.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { newOwner, startParts } from './people.ts';

let app: App;
let database: TestDatabase;
let cookie: string;
let slug: string;
beforeAll(async () => {
  ({ app, database } = await startParts({ PUBLIC_URL: 'https://crm.example.test' }));
  const ann = await newOwner(app);
  slug = ann.slug;
  const { name, value } = await startSession(app, {
    userId: ann.userId,
    userAgent: null,
    ip: null,
  });
  cookie = `${name}=${value}`;
});
afterAll(() => database.drop());

const own = 'https://crm.example.test';
const foreign = [
  'null',
  '',
  'https://evil.test',
  'https://crm.example.test.evil.test',
  'https://evil-crm.example.test',
  'https://sub.crm.example.test',
  'http://crm.example.test',
  'https://crm.example.test:8443',
  'https://crm.example.test/',
  'https://user@crm.example.test',
];
const call = (method: string, customHeader: boolean, origin?: string) =>
  identify(app, { cookie, origin, ownOrigin: 'https://evil.test', method, customHeader });

test('a cookie may change things only with our own Origin and our own header', async () => {
  expect(await call('POST', true, own)).toBeDefined();
  expect(await call('POST', false, own)).toBeUndefined();
  expect(await call('POST', true)).toBeUndefined();
  expect(await call('DELETE', true)).toBeUndefined();
  expect(await call('post', true)).toBeUndefined();
});

test('a cookie may read with our own header, or from a page of ours', async () => {
  expect(await call('GET', true)).toBeDefined();
  expect(await call('GET', false, own)).toBeDefined();
  expect(await call('GET', false)).toBeUndefined();
});

test.each(foreign)('a cookie from a page of «%s» is nobody', async (origin) => {
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
    expect(await call(method, true, origin), method).toBeUndefined();
    expect(await call(method, false, origin), method).toBeUndefined();
  }
});

test.each([...foreign, undefined])('a socket from «%s» is not let in', async (origin) => {
  const headers = { cookie, origin, host: 'crm.example.test', 'x-syncline': '1' };
  expect(await admit(app, { headers, organization: slug })).toBeUndefined();
});

test('a socket from a page of ours is let in, into one of its own organizations', async () => {
  const headers = { cookie, origin: own, host: 'crm.example.test' };
  expect((await admit(app, { headers, organization: slug }))?.member.roleSlug).toBe('owner');
  const bob = await newOwner(app, 'Bob');
  expect(await admit(app, { headers, organization: bob.slug })).toBeUndefined();
  expect(await admit(app, { headers, organization: bob.organizationId })).toBeUndefined();
});

test('a bad bearer token is not mended by a good cookie', async () => {
  const credentials = { cookie, origin: own, method: 'POST', customHeader: true };
  expect(await identify(app, credentials)).toBeDefined();
  for (const authorization of ['Bearer x', 'Bearer a.b.c', 'Basic YTpi', '']) {
    expect(await identify(app, { ...credentials, authorization })).toBeUndefined();
  }
});

test('without PUBLIC_URL our own origin is what the request was sent to', async () => {
  const { app: local, database: base } = await startParts();
  const ann = await newOwner(local);
  const { value } = await startSession(local, { userId: ann.userId, userAgent: null, ip: null });
  const request = (origin: string, host: string) =>
    identify(
      local,
      credentialsOf({
        headers: { cookie: `syncline=${value}`, origin, host, 'x-syncline': '1' },
        method: 'POST',
      }),
    );
  expect(await request('http://127.0.0.1:3000', '127.0.0.1:3000')).toBeDefined();
  expect(await request('http://127.0.0.1:3001', '127.0.0.1:3000')).toBeUndefined();
  expect(await request('http://localhost:3000', '127.0.0.1:3000')).toBeUndefined();
  await base.drop();
});
