import { expect, test } from 'vitest';
import { Flush } from '#server/live/flush.ts';
import { commit } from '#server/live/commit.ts';
import { read } from '#server/live/transaction.ts';
import { freshDatabase } from '#tests/support/database.ts';

const organizationId = '00000000-0000-4000-8000-000000000001';

test('a prepared statement outlives a column that a newer version adds', async () => {
  await using database = await freshDatabase();
  const { pool, owner } = database;
  const server = { pool, flush: new Flush(pool), poke: () => undefined };
  const stages = () =>
    read(pool, { organizationId }, (tx) => tx.selectFrom('stages').selectAll().execute());
  await stages();
  await owner.pool.query('alter table crm.stages add column added text');
  expect(await stages()).toEqual([]);
  await owner.pool.query('alter table crm.stages add column added_later text');
  const { data } = await commit(server, { organizationId }, (tx) =>
    tx.selectFrom('stages').selectAll().execute(),
  );
  expect(data).toEqual([]);
});

test('what is asked twice is prepared once', async () => {
  await using database = await freshDatabase();
  const client = await database.pool.connect();
  const ask = () => client.query('select $1::int as one', [1]);
  const answers = await Promise.all([ask(), ask(), ask()]);
  expect(answers.map(({ rows }) => rows)).toEqual([[{ one: 1 }], [{ one: 1 }], [{ one: 1 }]]);
  const { rows } = await client.query(
    `select count(*)::int as count from pg_prepared_statements where statement = 'select $1::int as one'`,
  );
  client.release();
  expect(rows).toEqual([{ count: 1 }]);
});

test('a statement that fails leaves the connection usable', async () => {
  await using database = await freshDatabase();
  const client = await database.pool.connect();
  const fails = () => client.query('select 1 / $1::int as one', [0]);
  await expect(fails()).rejects.toThrow('division by zero');
  await expect(client.query('select nothing_at_all($1::int)', [1])).rejects.toThrow('not exist');
  await expect(fails()).rejects.toThrow('division by zero');
  const { rows } = await client.query('select 1 / $1::int as one', [1]);
  client.release();
  expect(rows).toEqual([{ one: 1 }]);
});
