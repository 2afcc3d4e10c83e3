import { afterAll, beforeAll, expect, test } from 'vitest';
import { entityNames } from '#lib/shared/entities.ts';
import { newId } from '#lib/shared/ids.ts';
import { loopTables, sees, standingOf, type Rows, type Stored } from '#tests/oracle/loops.ts';
import { oracleTables, visibleTo } from '#tests/oracle/visible.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

/** The two oracles, in SQL and in loops, say the same of everybody, whatever an organization is like. */
let database: TestDatabase;
let seed = 7;
const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T;
const levels = ['all', 'team', 'own', 'none', undefined] as const;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const insert = (organizationId: string, table: string, rows: Record<string, unknown>[]) =>
  database.owner.pool.query(
    `insert into crm.${table} select * from jsonb_populate_recordset(null::crm.${table}, $1::jsonb)`,
    [
      JSON.stringify(
        rows.map((row) => ({
          organization_id: organizationId,
          created_at: 'now',
          updated_at: 'now',
          rev: 0,
          ...row,
        })),
      ),
    ],
  );

const anyAccess = () =>
  Object.fromEntries(
    ['directory', 'deals', 'customers', 'activities', 'products', 'members'].map((resource) => [
      resource,
      { view: oneOf(levels), manage: oneOf(levels) },
    ]),
  );

/** An organization of any shape, with a row or more of everything. */
async function anyOrganization(): Promise<{ id: string; members: string[] }> {
  const id = newId();
  const many = (most: number) => Array.from({ length: 1 + random(most) }, newId);
  const [roles, teams, members, pipelines] = [many(3), many(3), many(5), many(1)];
  const owner = () => oneOf([...members, null]);
  const named = (name: string) => ({ name: `${name} ${newId()}`, description: '', position: 'a0' });
  const write = (table: string, rows: Record<string, unknown>[]) => insert(id, table, rows);
  await write('organizations', [
    {
      id,
      slug: `o${id}`,
      name: 'O',
      currency: 'EUR',
      time_zone: 'UTC',
      locale: 'en',
      is_active: random(8) > 0,
    },
  ]);
  await write(
    'roles',
    roles.map((role) => ({
      id: role,
      slug: role,
      is_built_in: false,
      access: anyAccess(),
      ...named('R'),
    })),
  );
  await write(
    'teams',
    teams.map((team) => ({ id: team, ...named('T') })),
  );
  await write(
    'members',
    members.map((member) => ({
      id: member,
      role_id: oneOf(roles),
      team_id: oneOf([...teams, null]),
      is_active: random(6) > 0,
      ...named('M'),
    })),
  );
  await write('invitations', [
    {
      id: newId(),
      role_id: oneOf(roles),
      token_hash: `\\x${newId().replaceAll('-', '')}`,
      expires_at: 'now',
    },
  ]);
  await write('api_keys', [
    {
      id: newId(),
      member_id: oneOf(members),
      prefix: 'p',
      scopes: [],
      secret_hash: `\\x${newId().replaceAll('-', '')}`,
      ...named('K'),
    },
  ]);
  await write('exchange_rates', [
    { id: newId(), currency: 'USD', valid_from: '2026-01-01', rate: 1.25 },
  ]);
  await write('lost_reasons', [{ id: newId(), ...named('L') }]);
  await write(
    'pipelines',
    pipelines.map((pipeline) => ({
      id: pipeline,
      is_default: false,
      is_active: true,
      ...named('P'),
    })),
  );
  const stage = {
    id: newId(),
    pipeline_id: pipelines[0],
    kind: 'open',
    probability: 10,
    ...named('S'),
  };
  await write('stages', [stage]);
  const product = { id: newId(), series: '', currency: 'EUR', is_active: true, ...named('X') };
  await write('products', [product]);
  const tagged = { tags: [], custom: {} };
  await write(
    'customers',
    many(4).map((one) => ({
      id: one,
      code: '',
      type: 'business',
      status: 'lead',
      notes: '',
      owner_id: owner(),
      ...named('C'),
      ...tagged,
    })),
  );
  const deals = many(6);
  await write(
    'deals',
    deals.map((one) => ({
      id: one,
      pipeline_id: stage.pipeline_id,
      stage_id: stage.id,
      state: 'open',
      rank: 'a0',
      title: 'D',
      description: '',
      currency: 'EUR',
      probability: 0,
      probability_manual: false,
      priority: 'low',
      stage_entered_at: 'now',
      owner_id: owner(),
      ...tagged,
    })),
  );
  await write(
    'deal_products',
    deals.map((deal_id) => ({
      id: newId(),
      deal_id,
      product_id: product.id,
      quantity: 1.5,
      currency: 'EUR',
    })),
  );
  await write(
    'activities',
    many(4).map((one) => ({
      id: one,
      kind: 'note',
      title: 'A',
      body: '',
      mentions: [],
      deal_id: oneOf([...deals, null]),
      owner_id: owner(),
    })),
  );
  const own = (row: Record<string, unknown>) => ({
    id: newId(),
    member_id: oneOf(members),
    ...row,
  });
  const record = { entity: 'deals', record_id: deals[0] };
  await write(
    'notifications',
    many(6).map((source) =>
      own({
        source,
        thread: '',
        kind: 'won',
        severity: 'info',
        title: 'D',
        data: {},
        count: 1,
        keys: [],
        at: 'now',
        state: 'unread',
        ...record,
      }),
    ),
  );
  await write('follows', [own({ state: 'muted', ...record })]);
  await write('looks', [own({ place: 'customers', position: 1, at: 'now' })]);
  await write('notification_preferences', [own({ kinds: {}, digest: 'never', time_zone: 'UTC' })]);
  return { id, members };
}

async function rowsOf(organizationId: string): Promise<Rows> {
  const tables = new Map<string, Stored[]>();
  for (const [entity, table] of oracleTables) {
    const { rows } = await database.owner.pool.query<{ row: Stored }>(
      `select to_jsonb(t) as row from crm.${table} t where organization_id = $1`,
      [organizationId],
    );
    tables.set(
      entity,
      rows.map(({ row }) => row),
    );
  }
  const all = (entity: string): Stored[] => tables.get(entity) ?? [];
  return { all, get: (entity, id) => all(entity).find((row) => row.id === id) };
}

test('both oracles know every synced entity', () => {
  expect([...oracleTables.keys()].sort()).toEqual([...entityNames].sort());
  expect([...loopTables].sort()).toEqual([...entityNames].sort());
});

test('the oracle in SQL and the one in loops say the same of everybody', async () => {
  let seen = 0;
  for (let round = 0; round < 40; round += 1) {
    const { id, members } = await anyOrganization();
    const rows = await rowsOf(id);
    for (const member of members) {
      const standing = standingOf(rows, member);
      const inSql = await visibleTo(database.owner.pool, member);
      for (const [entity, found] of inSql) {
        const inLoops = rows
          .all(entity)
          .filter((row) => standing !== undefined && sees(rows, standing, entity, row))
          .map((row) => row.id);
        expect(inLoops.sort(), `${entity} of ${member}`).toEqual([...found.keys()].sort());
        seen += found.size;
      }
    }
  }
  expect(seen).toBeGreaterThan(500);
}, 120_000);
