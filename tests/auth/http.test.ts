import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '#tests/support/server.ts';

const password = 'demo-syncline';
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ demo: true });
});
afterAll(() => server.stop());

const json = { 'content-type': 'application/json' };

async function cookieOf(email: string): Promise<string> {
  const response = await fetch(`${server.url}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ email, password, next: '/' }),
    headers: { origin: server.url },
    redirect: 'manual',
  });
  const [pair = ''] = response.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '');
  return pair;
}

const makeOrganization = (headers: Record<string, string>, body = '{"name":"Forged"}') =>
  fetch(`${server.url}/trpc/organizations.create`, { method: 'POST', headers, body });

test('a change with a cookie needs our Origin and our header, whatever the body claims to be', async () => {
  const cookie = await cookieOf('vera@demo.test');
  const own = { cookie, origin: server.url, 'x-syncline': '1', ...json };
  const { 'x-syncline': _, ...withoutHeader } = own;
  const forged: Record<string, string>[] = [
    withoutHeader,
    { ...withoutHeader, 'content-type': 'text/plain' },
    { ...own, origin: 'https://evil.test' },
    { ...own, origin: 'null' },
    { ...own, origin: `${server.url}.evil.test` },
    { ...own, origin: server.url.replace('127.0.0.1', 'localhost') },
    { cookie, 'x-syncline': '1', ...json },
    { ...withoutHeader, 'x-http-method-override': 'GET' },
  ];
  for (const headers of forged) {
    const { status } = await makeOrganization(headers);
    expect([401, 415], JSON.stringify(headers)).toContain(status);
  }
  expect((await makeOrganization(own)).status).toBe(200);
  const mine = await fetch(`${server.url}/trpc/organizations.mine`, { headers: own });
  expect(await mine.text()).toMatch(/"slug":"forged"/);
});

test('every error of a call names its status and the request that finds it in the log', async () => {
  const response = await fetch(`${server.url}/trpc/organizations.mine`);
  const body = (await response.json()) as { error: { data: { app: { requestId: string } } } };
  expect(response.status).toBe(401);
  expect(body.error.data.app.requestId).toBe(response.headers.get('x-request-id'));
  expect(body.error.data.app.requestId).toMatch(/^[\w-]{8,}$/);
});

test('a body of more than a megabyte is refused', async () => {
  const body = JSON.stringify({ email: 'a'.repeat(1_100_000), password });
  const response = await fetch(`${server.url}/trpc/auth.login`, {
    method: 'POST',
    headers: json,
    body,
  });
  expect(response.status).toBe(413);
});

test('guesses are counted by the real address, whatever X-Forwarded-For claims', async () => {
  const guess = (address: string, given: string) =>
    fetch(`${server.url}/trpc/auth.login`, {
      method: 'POST',
      headers: { ...json, 'x-forwarded-for': address },
      body: JSON.stringify({ email: 'dmitry@demo.test', password: given }),
    });
  for (let tries = 0; tries < 10; tries += 1) {
    expect((await guess(`203.0.113.${tries}`, 'wrong')).status).toBe(401);
  }
  const refused = await guess('203.0.113.99', password);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(800);
});

test('an unknown address and a wrong password get the same page, byte for byte', async () => {
  const answers = await Promise.all(
    ['maria@demo.test', 'nobody@demo.test'].map(async (email) => {
      const response = await fetch(`${server.url}/sign-in`, {
        method: 'POST',
        body: new URLSearchParams({ email, password: 'wrong', next: '/' }),
        headers: { origin: server.url, accept: 'application/json', 'x-sveltekit-action': 'true' },
      });
      const names = [...response.headers.keys()].sort();
      return { body: (await response.text()).replace(email, ''), status: response.status, names };
    }),
  );
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]?.body).toContain('wrongPassword');
});

test('an organization of others is answered as one that never was', async () => {
  const cookie = await cookieOf('vera@demo.test');
  const pages = await Promise.all(
    ['nordlicht', 'nordlichx'].map(async (slug) => {
      const response = await fetch(`${server.url}/o/${slug}/deals`, { headers: { cookie } });
      const text = await response.text();
      return { status: response.status, length: text.replaceAll(slug, '').length };
    }),
  );
  expect(pages[0]).toEqual(pages[1]);
  expect(pages[0]?.status).toBe(404);
});
