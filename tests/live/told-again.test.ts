import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { createApi } from '#lib/api.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

let server: TestServer;
let admin: pg.Client;
beforeAll(async () => {
  server = await startServer({ demo: true });
  admin = new pg.Client(server.databaseUrl);
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await server.stop();
});

test('who may not make a change any more still hears that it was done, and of no other', async () => {
  const { tokens } = await createApi({ origin: server.url }).call.auth.login.mutate({
    email: 'anna@demo.test',
    password: 'demo-syncline',
    organization: 'demo',
  });
  const rename = async (
    mutationId: string,
    input: { id: string; title: string },
    to = 'deals.update',
  ) => {
    const answer = await fetch(`${server.url}/trpc/${to}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${tokens.access}`,
        'x-mutation-id': mutationId,
      },
      body: JSON.stringify(input),
    });
    return { status: answer.status, body: (await answer.json()) as { result?: unknown } };
  };
  const { rows } = await admin.query<{ id: string }>(
    `select d.id from crm.deals d join crm.organizations o on o.id = d.organization_id
     where o.slug = 'demo' order by d.id limit 1`,
  );
  const asked = { id: rows[0]?.id ?? '', title: 'Once' };
  const mutationId = newId();
  const first = await rename(mutationId, asked);
  expect(first.status).toBe(200);
  await admin.query(
    `update crm.members m set role_id = r.id from crm.roles r, crm.organizations o
     where o.slug = 'demo' and m.organization_id = o.id and m.email = 'anna@demo.test'
       and r.organization_id = o.id and r.slug = 'viewer'`,
  );
  expect(await rename(mutationId, asked)).toEqual(first);
  expect((await rename(newId(), asked)).status).toBe(403);
  expect((await rename(mutationId, asked, 'deals.delete')).status).not.toBe(200);
  const { rowCount } = await admin.query(`select from sync.mutations where mutation_id = $1`, [
    mutationId,
  ]);
  expect(rowCount).toBe(1);
});
