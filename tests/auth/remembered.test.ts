import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import type { App } from '#server/app.ts';
import { startSession } from '#server/auth/sessions.ts';
import { Health } from '#server/health.ts';
import { createHttpServer } from '#server/http.ts';
import { commit, type Proof } from '#server/live/commit.ts';
import { handleTrpc } from '#server/trpc-http.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { newOwner, startParts } from './people.ts';

let app: App;
let database: TestDatabase;
let url: string;
let close: () => void;
beforeAll(async () => {
  ({ app, database } = await startParts());
  const { config, log } = app;
  const mounts = [{ path: '/trpc', handle: handleTrpc(app) }];
  const server = createHttpServer({ config, log, health: new Health({}), mounts });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => void server.close();
});
afterAll(async () => {
  close();
  await database.drop();
});

/** A browser of a new organization's owner that has made a change, so that the server remembers it. */
async function signIn() {
  const owner = await newOwner(app, 'Somebody');
  const { name, value } = await startSession(app, { ...owner, userAgent: null, ip: null });
  const change = async (title: string, procedure = 'products.create') => {
    const answer = await fetch(`${url}/trpc/${procedure}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-syncline': '1',
        'x-organization': owner.organizationId,
        'x-mutation-id': newId(),
        cookie: `${name}=${value}`,
        origin: url,
      },
      body: JSON.stringify({ id: newId(), name: title, currency: 'EUR' }),
    });
    return answer.status;
  };
  const names = async (): Promise<string[]> => {
    const rows = await database.owner.db
      .selectFrom('products')
      .select('name')
      .where('organizationId', '=', owner.organizationId)
      .orderBy('createdAt')
      .execute();
    return rows.map((row) => row.name);
  };
  expect(await change('First')).toBe(200);
  expect(await change('Second')).toBe(200);
  const ask = (statement: string, ...values: unknown[]) =>
    database.owner.pool.query(statement, values);
  return { ...owner, change, names, ask };
}

const endings: [string, string][] = [
  ['whose session ended', 'delete from platform.sessions where user_id = $1'],
  [
    'whose session is over',
    `update platform.sessions set expires_at = now() - interval '1 second' where user_id = $1`,
  ],
  ['who is shut out', 'update platform.users set is_active = false where id = $1'],
  ['who is no member any more', 'update crm.members set is_active = false where user_id = $1'],
  [
    'who has to change the password first',
    'update platform.users set must_change_password = true where id = $1',
  ],
  [
    'whose organization is shut',
    `update crm.organizations set is_active = false
     where id = (select organization_id from crm.members where user_id = $1)`,
  ],
  [
    'whose role says less',
    `update crm.roles r set access = '{}' from crm.members m
     where m.user_id = $1 and r.organization_id = m.organization_id and r.id = m.role_id`,
  ],
];

test.each(endings)('one %s changes nothing from then on', async (_, statement) => {
  const { userId, change, names, ask } = await signIn();
  await ask(statement, userId);
  expect([401, 403, 404]).toContain(await change('Third'));
  expect([401, 403, 404]).toContain(await change('Fourth'));
  expect(await names()).toEqual(['First', 'Second']);
});

test('who is given a right may use it at once', async () => {
  const { userId, change, names, ask } = await signIn();
  const role = `(select r.id from crm.roles r where r.organization_id = m.organization_id and r.slug = $2)`;
  const giveRole = (slug: string) =>
    ask(`update crm.members m set role_id = ${role} where user_id = $1`, userId, slug);
  await giveRole('viewer');
  expect(await change('Third')).toBe(403);
  expect(await change('Third')).toBe(403);
  await giveRole('admin');
  expect(await change('Fourth')).toBe(200);
  expect(await names()).toEqual(['First', 'Second', 'Fourth']);
});

test('a right that ends while a change is under way stops the next one', async () => {
  const { userId, change, names, ask } = await signIn();
  const many = Array.from({ length: 40 }, (_, n) => change(`During ${n}`));
  await ask('delete from platform.sessions where user_id = $1', userId);
  await Promise.all(many);
  const before = await names();
  expect(await change('After')).toBe(401);
  expect(await names()).toEqual(before);
});

test('what was answered before is told to nobody whom the line broke too soon to make sure of', async () => {
  const { organizationId, memberId } = await signIn();
  const scope = { organizationId, actor: memberId };
  const mutation = { id: newId(), name: 'anything', hash: '' };
  await commit(app.live, { ...scope, mutation }, () => Promise.resolve('a secret'));
  const proof: Proof = {
    isGiven: false,
    check: () => Promise.reject(new Error('Connection terminated unexpectedly')),
  };
  await expect(
    commit(app.live, { ...scope, mutation, proof }, () => Promise.resolve('something else')),
  ).rejects.toThrow('Connection terminated');
});
