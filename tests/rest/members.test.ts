import { afterAll, beforeAll, expect, test } from 'vitest';
import { newOwner, roleIdOf } from '#tests/auth/people.ts';
import { startApi, type Api } from './api.ts';

let api: Api;
beforeAll(async () => void (api = await startApi()));
afterAll(() => api[Symbol.asyncDispose]());

test('a member is added to the organization of the path, and to no other', async () => {
  const [ann, bob] = [await newOwner(api.app), await newOwner(api.app, 'bob@example.test')];
  const call = await api.as(ann);
  const body = { name: 'Seller', role_id: await roleIdOf(api.app, ann, 'sales') };
  const made = await call('POST', `/api/v1/organizations/${ann.organizationId}/add_member`, body);
  expect(made.status).toBe(201);
  const other = await call('POST', `/api/v1/organizations/${bob.organizationId}/add_member`, body);
  expect(other.status).toBe(404);
  const { rows } = await api.database.owner.pool.query<{ n: number }>(
    `select count(*)::int n from crm.members where organization_id = '${bob.organizationId}'`,
  );
  expect(rows[0]?.n).toBe(1);
});
