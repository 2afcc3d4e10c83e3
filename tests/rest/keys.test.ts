import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyScope, type KeyScope } from '#lib/shared/api-keys.ts';
import { newId } from '#lib/shared/ids.ts';
import { as, newOwner, newPerson, roleIdOf } from '#tests/auth/people.ts';
import { startApi, type Api, type Caller } from './api.ts';

let api: Api;
beforeAll(async () => void (api = await startApi()));
afterAll(() => api[Symbol.asyncDispose]());

type Owner = Awaited<ReturnType<typeof newOwner>>;

async function makeKey(
  who: { userId: string; organizationId: string },
  scopes: KeyScope[],
): Promise<{ id: string; key: string }> {
  const caller = await as(api.app, who);
  const { data } = await caller.apiKeys.create({ name: 'Warehouse', scopes });
  return { id: data.id, key: data.key ?? '' };
}

async function by(key: string): Promise<Caller> {
  const nobody = await api.as();
  return (method, path, body, headers = {}) =>
    nobody(method, path, body, { 'x-api-key': key, ...headers });
}

const write = (text: string, values: unknown[] = []) => api.database.owner.pool.query(text, values);
const everything: KeyScope[] = ['customers.view', 'customers.create', 'customers.edit'];

describe('a key', () => {
  let ann: Owner;
  beforeAll(async () => void (ann = await newOwner(api.app)));

  test('reads and writes as its member, and leaves his name in the history', async () => {
    const { key } = await makeKey(ann, everything);
    const call = await by(key);
    const made = await call('POST', '/api/v1/customers', { name: 'Made by a program' });
    expect(made.status).toBe(201);
    expect(made.body.data.createdBy).toBe(ann.memberId);
    const read = await call('GET', `/api/v1/customers/${made.body.data.id}`);
    expect(read.body.data.name).toBe('Made by a program');
  });

  test('that only looks changes nothing', async () => {
    const call = await by((await makeKey(ann, ['customers.view'])).key);
    expect((await call('GET', '/api/v1/customers')).status).toBe(200);
    const refused = await call('POST', '/api/v1/customers', { name: 'Not to be' });
    expect([refused.status, refused.body.reason]).toEqual([403, 'noPermission']);
    expect((await call('GET', '/api/v1/deals')).status).toBe(403);
    const timeline = await call('GET', '/api/v1/timeline');
    expect(JSON.stringify(timeline.body)).not.toContain('pipelines');
  });

  test('has no more rights than its member has at this moment', async () => {
    const bob = await newPerson(api.app, `${newId()}@example.test`);
    const adminId = await roleIdOf(api.app, ann, 'admin');
    const viewerId = await roleIdOf(api.app, ann, 'viewer');
    const memberId = newId();
    await write(
      `insert into crm.members (organization_id, id, name, user_id, role_id) values ($1, $2, 'Bob', $3, $4)`,
      [ann.organizationId, memberId, bob.userId, adminId],
    );
    const who = { userId: bob.userId, organizationId: ann.organizationId };
    const call = await by((await makeKey(who, everything)).key);
    expect((await call('POST', '/api/v1/customers', { name: 'As admin' })).status).toBe(201);
    await write('update crm.members set role_id = $1 where id = $2', [viewerId, memberId]);
    expect((await call('POST', '/api/v1/customers', { name: 'As viewer' })).status).toBe(403);
    expect((await call('GET', '/api/v1/customers')).status).toBe(200);
    await write('update crm.members set is_active = false where id = $1', [memberId]);
    expect((await call('GET', '/api/v1/customers')).status).toBe(401);
  });

  test('that is wrong, revoked or expired is nobody', async () => {
    const { id, key } = await makeKey(ann, everything);
    const wrong = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    for (const bad of [wrong, 'syncline_', 'x', key.replace('syncline_', '')]) {
      expect((await (await by(bad))('GET', '/api/v1/customers')).status).toBe(401);
    }
    const call = await by(key);
    await write(`update crm.api_keys set expires_at = now() - interval '1 second' where id = $1`, [
      id,
    ]);
    expect((await call('GET', '/api/v1/customers')).status).toBe(401);
    await write(`update crm.api_keys set expires_at = now() + interval '1 day' where id = $1`, [
      id,
    ]);
    expect((await call('GET', '/api/v1/customers')).status).toBe(200);
    await (await as(api.app, ann)).apiKeys.revoke({ id });
    expect((await call('GET', '/api/v1/customers')).status).toBe(401);
  });

  test('is mended by no token beside it, and mends none', async () => {
    const { key } = await makeKey(ann, everything);
    const signedIn = await api.as(ann);
    expect((await signedIn('GET', '/api/v1/customers')).status).toBe(200);
    const both = await signedIn('GET', '/api/v1/customers', undefined, { 'x-api-key': key });
    expect(both.status).toBe(401);
  });

  test('opens no other organization of its member', async () => {
    const { organizationId, userId } = await newOwner(api.app);
    const roleId = await roleIdOf(api.app, ann, 'admin');
    await write(
      `insert into crm.members (organization_id, name, user_id, role_id) values ($1, 'Ann', $2, $3)`,
      [ann.organizationId, userId, roleId],
    );
    const call = await by((await makeKey({ userId, organizationId }, everything)).key);
    const there = (id: string) =>
      call('GET', '/api/v1/customers', undefined, { 'x-organization': id });
    expect((await there(organizationId)).status).toBe(200);
    expect((await there(ann.organizationId)).status).toBe(404);
  });

  test('makes no key, changes no password, and reads nobody’s inbox', async () => {
    const { key } = await makeKey(ann, everything);
    const call = await by(key);
    const password = { current: 'correct horse battery', next: 'another horse battery' };
    const changed = await call('POST', '/api/v1/auth/change-password', password);
    expect([changed.status, changed.body.reason]).toEqual([403, 'notByKey']);
    expect((await call('GET', '/api/v1/notifications')).body.reason).toBe('notByKey');
    expect((await call('POST', '/api/v1/auth/logout', {})).body.reason).toBe('notByKey');
    expect((await call('GET', '/api/v1/auth/me')).body.data.email).toBe(ann.email);
    await expect(makeKey(ann, ['apiKeys.manage' as KeyScope])).rejects.toThrow();
  });

  test('is good for what its maker may do, at most', async () => {
    const bob = await newPerson(api.app, `${newId()}@example.test`);
    const roleId = newId();
    await write(
      `insert into crm.roles (organization_id, id, slug, name, access) values ($1, $2, 'maker', 'Maker', $3)`,
      [ann.organizationId, roleId, { apiKeys: { manage: 'all' }, deals: { view: 'own' } }],
    );
    await write(
      `insert into crm.members (organization_id, name, user_id, role_id) values ($1, 'Bob', $2, $3)`,
      [ann.organizationId, bob.userId, roleId],
    );
    const who = { userId: bob.userId, organizationId: ann.organizationId };
    await expect(makeKey(who, ['customers.view'])).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(makeKey(who, ['deals.view'])).resolves.toBeTruthy();
  });
});

/** Who calls is known before the body is read: that is the moment to take the key away. */
async function whileUnderWay(key: string, meanwhile: () => Promise<unknown>): Promise<number> {
  const sent = request(`${api.url}/api/v1/customers`, {
    method: 'POST',
    headers: {
      'x-api-key': key,
      'content-type': 'application/json',
      'transfer-encoding': 'chunked',
    },
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.write('{"name":');
  await expect.poll(lastUses).toContain(key.slice(0, 17));
  await meanwhile();
  sent.end('"Under way"}');
  const [response] = await answered;
  response.resume();
  return response.statusCode ?? 0;
}

const lastUses = async () =>
  (
    await api.database.owner.pool.query<{ prefix: string }>(
      'select k.prefix from crm.api_key_uses u join crm.api_keys k on k.id = u.key_id',
    )
  ).rows.map(({ prefix }) => prefix);

describe('while a change is under way', () => {
  test('a key that is revoked, or loses its rights, changes nothing', async () => {
    const ann = await newOwner(api.app);
    const caller = await as(api.app, ann);
    const [kept, revoked, weaker] = [
      await makeKey(ann, everything),
      await makeKey(ann, everything),
      await makeKey(ann, everything),
    ];
    expect(await whileUnderWay(kept.key, () => Promise.resolve())).toBe(201);
    expect(await whileUnderWay(revoked.key, () => caller.apiKeys.revoke({ id: revoked.id }))).toBe(
      401,
    );
    const weaken = () =>
      write(`update crm.roles set access = access - 'customers' where organization_id = $1`, [
        ann.organizationId,
      ]);
    expect(await whileUnderWay(weaker.key, weaken)).toBe(403);
    const { rows } = await write('select name from crm.customers where organization_id = $1', [
      ann.organizationId,
    ]);
    expect(rows).toHaveLength(1);
  });
});

test('a key is shown once, and stands in no row, no log and no answer', async () => {
  const ann = await newOwner(api.app);
  const { id, key } = await makeKey(ann, everything);
  expect(key).toMatch(/^syncline_[\w-]{43}$/);
  await (
    await by(key)
  )('POST', '/api/v1/customers', { name: 'One' });
  await (await as(api.app, ann)).apiKeys.revoke({ id });
  const hash = createHash('sha256').update(key).digest('hex');
  const { rows: tables } = await write(
    `select c.oid::regclass::text as name from pg_class c
     where c.relkind in ('r', 'p') and not c.relispartition
       and c.relnamespace::regnamespace::text in ('crm', 'sync', 'platform')`,
  );
  const holding: string[] = [];
  for (const { name } of tables as { name: string }[]) {
    const { rows } = await write(
      `select 1 from ${name} t where to_jsonb(t)::text ~ $1 or to_jsonb(t)::text ~ $2 limit 1`,
      [key.slice(20), hash],
    );
    if (rows.length > 0) holding.push(name);
  }
  expect(holding).toEqual(['api_keys']);
  const { rows: acts } = await write(
    `select kind, about from sync.audit_events where organization_id = $1 and kind like 'key%' order by created_at`,
    [ann.organizationId],
  );
  expect(acts).toEqual([
    { kind: 'keyMade', about: { name: 'Warehouse', scopes: everything } },
    { kind: 'keyRevoked', about: { name: 'Warehouse' } },
  ]);
});

test('every operation is open to keys or closed to them, as the document says', async () => {
  const ann = await newOwner(api.app);
  const call = await by((await makeKey(ann, everyScope)).key);
  const { body } = await call('GET', '/api/v1/openapi.json');
  const wrong: string[] = [];
  let closed = 0;
  for (const [path, methods] of Object.entries<Record<string, Documented>>(body.paths)) {
    for (const [method, { security, 'x-procedure': procedure }] of Object.entries(methods)) {
      const at = `/api/v1${path.replace(/\{\w+\}/g, newId())}`;
      const answer = await call(method.toUpperCase(), at, method === 'get' ? undefined : {});
      const isClosed = answer.body?.reason === 'notByKey';
      if (isClosed) closed += 1;
      const mayBe = security === undefined || procedure === 'auth.register';
      if (isClosed === mayBe || answer.status === 401 || answer.status >= 500)
        wrong.push(`${method} ${path} ${answer.status}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(closed).toBeGreaterThan(10);
});

interface Documented {
  security?: object[];
  'x-procedure': string;
}

test('each key has a limit of its own', async () => {
  await using small = await startApi({ requestsPerMinute: 2 });
  const ann = await newOwner(small.app);
  const caller = await as(small.app, ann);
  const nobody = await small.as();
  const statuses = async (key: string | null) => {
    const found: number[] = [];
    for (let left = 3; left > 0; left -= 1) {
      const headers = { 'x-api-key': key ?? '' };
      found.push((await nobody('GET', '/api/v1/customers', undefined, headers)).status);
    }
    return found;
  };
  for (const name of ['First', 'Second']) {
    const { data } = await caller.apiKeys.create({ name, scopes: ['customers.view'] });
    expect(await statuses(data.key)).toEqual([200, 200, 429]);
  }
});
