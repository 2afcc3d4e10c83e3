import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '#tests/support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

test('an answer names its request, and a name of the client counts only behind a known proxy', async () => {
  const headers = { 'x-request-id': 'chosen-by-the-client', 'x-forwarded-for': '203.0.113.9' };
  const answer = await fetch(`${server.url}/livez`, { headers });
  expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('metrics are for machines nearby, not for who comes through a proxy', async () => {
  const near = await fetch(`${server.url}/metrics`);
  expect(await near.text()).toContain('http_server_request_duration_seconds_bucket');
  const far = await fetch(`${server.url}/metrics`, {
    headers: { 'x-forwarded-for': '203.0.113.9' },
  });
  expect(far.status).toBe(404);
});

test('a page that does not exist is 404, whatever its address', async () => {
  for (const path of ['/nothing-here', '/livez2', '/..%2f..%2fetc/passwd', '/api-x']) {
    expect([path, (await fetch(server.url + path)).status]).toEqual([path, 404]);
  }
});

test('it is ready only while the database answers, and comes back by itself', async () => {
  await using own = await startServer();
  expect((await fetch(`${own.url}/readyz`)).status).toBe(200);
  await own.lockOut();
  const cut = await fetch(`${own.url}/readyz`);
  expect([cut.status, await cut.json()]).toEqual([
    503,
    expect.objectContaining({ status: 'unready' }),
  ]);
  expect((await fetch(`${own.url}/livez`)).status).toBe(200);
  await own.letIn();
  await expect
    .poll(async () => (await fetch(`${own.url}/readyz`)).status, { timeout: 10_000 })
    .toBe(200);
});

test('SIGTERM ends it with code 0', async () => {
  const own = await startServer();
  expect(await own.stop()).toBe(0);
});
