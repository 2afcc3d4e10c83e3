import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { operations } from '#server/rest/adapter.ts';
import { openApi } from '#server/rest/openapi.ts';
import { startApi, type Api, type Caller as Call } from '#tests/rest/api.ts';
import { matrix, roles, type Caller } from './matrix.ts';
import { makePlace, type Place, type Somebody } from './place.ts';

const canary = 'Canary';

interface Operation {
  method: string;
  path: string;
  procedure: string;
}

/** As the document says, which is what the world knows of. */
const documented: Operation[] = Object.entries(
  openApi(operations)['paths'] as Record<string, Record<string, { 'x-procedure': string }>>,
).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { 'x-procedure': procedure }]) => ({
    method: method.toUpperCase(),
    path,
    procedure,
  })),
);

let api: Api;
let ours: Place;
let theirs: Place;
let people: Map<Caller, Somebody>;
beforeAll(async () => {
  api = await startApi();
  ours = await makePlace(api, 'Ours');
  theirs = await makePlace(api, canary);
  const joined = await Promise.all(
    roles.slice(1).map(async (role): Promise<[Caller, Somebody]> => [role, await ours.join(role)]),
  );
  people = new Map<Caller, Somebody>([['owner', ours.owner], ...joined]);
});
afterAll(() => api[Symbol.asyncDispose]());

/** With tokens of their own for each call: some calls end the sign-in that they come from. */
const as =
  (caller: Caller): Call =>
  async (...asked) =>
    (await api.as(people.get(caller)))(...asked);

test('every operation that is served is documented, and has a row of the matrix', () => {
  expect(documented).toHaveLength(operations.length);
  expect(documented.filter(({ procedure }) => !matrix[procedure])).toEqual([]);
});

/** Enough for the call to get as far as the record. */
const bodies: Record<string, object> = {
  'auth.register': { email: 'new@example.test', password: 'correct horse battery' },
  'stages.reorder': { stageIds: [newId()] },
  'stages.place': { order: 1 },
  'roles.assignPermission': { permission: 'deals.view' },
  'activities.create': { note: 'Hello' },
  'deals.move': { stageId: newId() },
  'dealProducts.add': { productId: newId() },
  'members.create': { name: 'New', roleId: newId() },
  'undo.run': { run: newId() },
};

const queries: Record<string, string> = { 'undo.preview': `?run=${newId()}` };

/** They have no right of their own: what one may not see is not there. */
const byRecord = ['timeline.ofRecord', 'trash.restore', 'undo.preview', 'undo.run'];

describe.each(documented.filter(({ procedure }) => matrix[procedure]))(
  '$method $path',
  ({ method, path, procedure }) => {
    const may = matrix[procedure]?.may ?? [];
    const isPublic = may.includes('nobody');
    const nowhere = `${path.replace('{entity}', 'deals').replaceAll('{id}', newId())}${queries[procedure] ?? ''}`;
    const body = method === 'GET' || method === 'DELETE' ? undefined : (bodies[procedure] ?? {});

    test('is closed to whoever has not signed in', async () => {
      const { status, text } = await as('nobody')(method, `/api/v1${nowhere}`, body);
      if (isPublic) expect(status).not.toBe(403);
      else expect([status, JSON.parse(text).reason]).toEqual([401, 'signInFirst']);
    });

    test.each(roles)('is open to %s exactly as the matrix says', async (role) => {
      const { status, text } = await as(role)(method, `/api/v1${nowhere}`, body);
      const reason = JSON.parse(text).reason as string | undefined;
      if (may.includes(role)) {
        expect(['noPermission', 'signInFirst', 'noOrganization']).not.toContain(reason);
      } else {
        const isByRecord = byRecord.includes(procedure);
        expect([status, reason]).toEqual(isByRecord ? [404, undefined] : [403, 'noPermission']);
      }
      expect(status).toBeLessThan(500);
    });
  },
);

/** A record of each resource that has paths of its own. */
const records: Record<string, (place: Place) => Promise<string>> = {
  activities: ({ make, owner }) => make.activity(owner.memberId),
  customers: ({ make, owner }) => make.customer(owner.memberId),
  deals: ({ make, owner }) => make.deal(owner.memberId),
  opportunities: ({ make, owner }) => make.deal(owner.memberId),
  'deal-products': async ({ make, owner }) => make.line(await make.deal(owner.memberId)),
  'exchange-rates': ({ make }) => make.rate(),
  'lost-reasons': ({ make }) => make.lostReason(),
  organizations: ({ organizationId }) => Promise.resolve(organizationId),
  pipelines: async ({ make }) => (await make.pipeline()).id,
  'pipeline-stages': async ({ make }) => (await make.pipeline()).stageIds[0],
  products: ({ make }) => make.product(),
  roles: ({ make }) => make.role(),
  notifications: ({ make, owner }) => make.notification(owner.memberId),
  trash: ({ make, owner }) => make.deal(owner.memberId),
  users: ({ make }) => make.member(),
};

describe.each(documented.filter(({ path }) => path.includes('{id}')))(
  '$method $path',
  ({ method, path, procedure }) => {
    test('answers for a record of another organization as for one that never was', async () => {
      const id = (await records[path.split('/')[1] ?? '']?.(theirs)) ?? '';
      expect(id).not.toBe('');
      const body = method === 'GET' || method === 'DELETE' ? undefined : (bodies[procedure] ?? {});
      const before = await theirs.checksum();
      const ask = async (one: string) => {
        const { status, text } = await as('owner')(
          method,
          `/api/v1${path.replace('{entity}', 'deals').replace('{id}', one)}`,
          body,
        );
        const told = text.replaceAll(one, 'id').replace(/"requestId":"[^"]*"/, '');
        return { status, told: status < 400 && method !== 'GET' ? '' : told };
      };
      const [met, never] = [await ask(id), await ask(newId())];
      expect(met).toEqual(never);
      expect(met.told).not.toContain(canary);
      expect(await theirs.checksum()).toBe(before);
    });
  },
);

test('no list tells anything of another organization, whatever it is filtered by', async () => {
  await Promise.all(Object.values(records).map((make) => make(theirs)));
  const lists = documented.filter(({ method, path }) => method === 'GET' && !path.includes('{id}'));
  expect(lists.length).toBeGreaterThan(12);
  for (const { path } of lists) {
    for (const query of [
      '',
      `?search=${canary}`,
      `?organization_id=${theirs.organizationId}`,
      `?ownerId=${theirs.owner.memberId}`,
    ]) {
      const { text, status } = await as('owner')('GET', `/api/v1${path}${query}`);
      expect(status, path).toBeLessThan(500);
      expect(text.replace(/"detail":"[^"]*"/, ''), path + query).not.toContain(`${canary} `);
    }
  }
});
