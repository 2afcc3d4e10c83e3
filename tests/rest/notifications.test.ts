import { expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { openAs } from '#tests/support/person.ts';
import { startServer } from '#tests/support/server.ts';

interface Answer {
  status: number;
  body: { data: Record<string, unknown> | Record<string, unknown>[]; meta?: { total?: number } };
}

test('a program lists what its person was told, reads it, and chooses how to be told', async () => {
  await using server = await startServer({ demo: true });
  const boris = await openAs(server.url, 'boris@demo.test');
  const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
    const answer = await fetch(`${server.url}/api/v1/notifications${path}`, {
      method,
      headers: { authorization: `Bearer ${boris.token}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: (await answer.json()) as Answer['body'] };
  };
  const list = async (query: string) => {
    const { body } = await ask('GET', query);
    return body.data as Record<string, unknown>[];
  };
  await expect
    .poll(async () => (await list('?kind=mentioned')).length, { timeout: 15_000 })
    .toBe(1);
  const [told] = await list('?kind=mentioned&state=unread');
  expect(told).toMatchObject({ kind: 'mentioned', entity: 'deals', state: 'unread' });
  expect(Object.keys(told ?? {})).not.toContain('keys');
  const first = await ask('GET', '?perPage=1');
  expect((first.body.data as unknown[]).length).toBe(1);

  expect((await ask('POST', `/${String(told?.['id'])}/read`)).status).toBe(200);
  expect(await list('?kind=mentioned&state=unread')).toEqual([]);
  expect((await ask('POST', `/${newId()}/read`)).status).toBe(404);
  expect((await ask('POST', '/read-all')).status).toBe(200);
  expect(await list('?state=unread')).toEqual([]);

  const before = await ask('GET', '/preferences');
  expect(before.body.data).toMatchObject({ digest: 'instant', quietFrom: null });
  const chosen = { digest: 'weekly', quietFrom: '21:00', quietTo: '08:00' };
  expect((await ask('PUT', '/preferences', chosen)).status).toBe(200);
  expect((await ask('GET', '/preferences')).body.data).toMatchObject(chosen);
  expect((await ask('PUT', '/preferences', { quietFrom: '21:00' })).status).toBe(400);
  boris.leave();
});
