import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import type { App } from '#server/app.ts';
import { read } from '#server/live/transaction.ts';
import { startParts } from '#tests/auth/people.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { catalogFindings, idleAllowances } from './catalog.ts';
import { makePlace, type Place } from './place.ts';

let app: App;
let database: TestDatabase;
let ours: Place;
let theirs: Place;
beforeAll(async () => {
  ({ app, database } = await startParts());
  ours = await makePlace({ app, database }, 'Ours');
  theirs = await makePlace({ app, database }, 'Theirs');
  for (const { make, owner } of [ours, theirs]) {
    await make.line(await make.deal(owner.memberId));
    await make.activity(owner.memberId);
    await make.customer(owner.memberId);
    await make.invitation();
    await make.apiKey();
    await make.team();
    await make.rate();
    await make.belongings(owner.memberId);
  }
});
afterAll(() => database.drop());

const fenced = async (): Promise<string[]> => {
  const { rows } = await database.owner.pool.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c where c.relrowsecurity and not c.relispartition order by 1`,
  );
  return rows.map(({ name }) => name);
};

test('nothing in the catalog of the database lets an organization see another', async () => {
  expect(await catalogFindings(database.owner.pool)).toEqual([]);
  expect(await idleAllowances(database.owner.pool)).toEqual([]);
});

test('every policy that is dropped, widened or not forced is found', async () => {
  const { pool } = database.owner;
  const { rows: policies } = await pool.query<{ name: string; table: string }>(
    `select quote_ident(p.polname) as name, p.polrelid::regclass::text as table from pg_policy p
     where 'syncline_app'::regrole = any (p.polroles)`,
  );
  expect(policies.length).toBeGreaterThan(15);
  const weakened = [
    ...policies.map(({ name, table }) => `drop policy ${name} on ${table}`),
    ...policies.map(({ name, table }) => `alter policy ${name} on ${table} using (true)`),
    ...policies.map(
      ({ name, table }) => `create policy beside_${name} on ${table} to syncline_app using (true)`,
    ),
    ...(await fenced()).flatMap((table) => [
      `alter table ${table} no force row level security`,
      `alter table ${table} disable row level security`,
    ]),
    'alter role syncline_app bypassrls',
    'grant syncline_owner to syncline_app',
    'create table crm.unfenced (organization_id uuid not null, id uuid not null)',
    'create table crm.without_organization (id uuid not null)',
    'create view crm.everything as select * from crm.deals',
    'create unique index tells on crm.customers (email)',
    'alter table crm.deals add constraint looks_past foreign key (organization_id) references crm.organizations, add column other uuid references crm.organizations',
    `create function sync.peek() returns bigint language sql security definer as 'select count(*) from crm.deals'`,
    'grant execute on function sync.head(uuid) to public',
    'alter function sync.head(uuid) reset search_path',
  ];
  const known = await catalogFindings(pool);
  const missed: string[] = [];
  for (const statement of weakened) {
    const client = await pool.connect();
    try {
      await client.query(`begin; ${statement}`);
      const findings = await catalogFindings({
        query: client.query.bind(client),
      } as unknown as typeof pool);
      if (findings.every((finding) => known.includes(finding))) missed.push(statement);
    } finally {
      await client.query('rollback');
      client.release();
    }
  }
  expect(missed).toEqual([]);
});

test('without an organization, or with that of another, no row is seen, changed or put in', async () => {
  const tables = (await fenced()).filter((name) => !name.startsWith('sync.'));
  for (const organization of ['', newId(), ours.organizationId]) {
    for (const table of tables) {
      const seen = await asApplication(
        organization,
        `select from ${table} where organization_id = $1`,
        [theirs.organizationId],
      );
      expect([table, seen]).toEqual([table, 0]);
      const changed = await asApplication(
        organization,
        `delete from ${table} where organization_id = $1`,
        [theirs.organizationId],
      );
      expect([table, changed]).toEqual([table, 0]);
    }
  }
  const insert = 'insert into crm.teams (organization_id, name) values ($1, $2)';
  await expect(
    asApplication(ours.organizationId, insert, [theirs.organizationId, 'Sneaked']),
  ).rejects.toThrow(/row-level security/);
  const take = 'update crm.teams set organization_id = $1 where organization_id = $2';
  await expect(
    asApplication(ours.organizationId, take, [theirs.organizationId, ours.organizationId]),
  ).rejects.toThrow();
  for (const table of tables) {
    const own = await asApplication(ours.organizationId, `select from ${table}`, []);
    if (table !== 'crm.counters' && table !== 'counters')
      expect([table, own > 0]).toEqual([table, true]);
  }
});

test('what is read of another organization’s log and answers is nothing', async () => {
  for (const table of ['sync.change_log', 'sync.change_tx', 'sync.org_clock', 'sync.mutations']) {
    const seen = await asApplication(
      ours.organizationId,
      `select from ${table} where organization_id = $1`,
      [theirs.organizationId],
    );
    expect([table, seen]).toEqual([table, 0]);
  }
  await expect(
    asApplication(ours.organizationId, 'delete from sync.change_log', []),
  ).rejects.toThrow(/permission denied/);
  await expect(
    asApplication(
      ours.organizationId,
      'insert into sync.change_tx select * from sync.change_tx',
      [],
    ),
  ).rejects.toThrow(/permission denied/);
});

test('an organization lasts no longer than its transaction', async () => {
  await read(app.pool, { organizationId: ours.organizationId }, (tx) =>
    tx.selectFrom('deals').select('id').execute(),
  );
  for (let at = 0; at < 20; at += 1) {
    expect(await app.db.selectFrom('deals').select('id').execute()).toEqual([]);
  }
});

/** How many rows a statement touches, run as the application is, and taken back. */
async function asApplication(
  organization: string,
  statement: string,
  values: unknown[],
): Promise<number> {
  const client = await app.pool.connect();
  try {
    await client.query('begin');
    await client.query("select set_config('app.organization_id', $1, true)", [organization]);
    return (await client.query(statement, values)).rowCount ?? 0;
  } finally {
    await client.query('rollback');
    client.release();
  }
}
