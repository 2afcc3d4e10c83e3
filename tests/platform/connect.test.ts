import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

let base: TestDatabase;
beforeAll(async () => {
  base = await freshDatabase();
});
afterAll(() => base.drop());

test('a connection is the application from its first statement, and stays it after RESET ROLE', async () => {
  const who = async () => (await base.pool.query('select current_user as role')).rows[0]?.role;
  expect(await who()).toBe('syncline_app');
  await base.pool.query('reset role');
  expect(await who()).toBe('syncline_app');
});

test('without an organization the application sees no rows', async () => {
  const id = randomUUID();
  await base.owner.db
    .insertInto('organizations')
    .values({ organizationId: id, id, slug: 'north', name: 'North', currency: 'EUR' })
    .execute();
  expect(await base.owner.db.selectFrom('organizations').select('slug').execute()).toHaveLength(1);
  expect(await base.db.selectFrom('organizations').select('slug').execute()).toEqual([]);
});

test('int8 is a number, a date a day without a zone, and numeric a string', async () => {
  const { rows } = await sql`select 5::int8 as big, array[7, null]::int8[] as bigs,
    '2026-01-02'::date as day, 1.50::numeric as exact, '{"snake_case": 1}'::jsonb as doc`.execute(
    base.db,
  );
  expect(rows).toEqual([
    { big: 5, bigs: [7, null], day: '2026-01-02', exact: '1.50', doc: { snake_case: 1 } },
  ]);
});

test('an int8 beyond 2^53 is an error, not a wrong number', async () => {
  await expect(base.pool.query('select 9007199254740993::int8')).rejects.toThrow(
    '9007199254740993 does not fit a number exactly',
  );
});
