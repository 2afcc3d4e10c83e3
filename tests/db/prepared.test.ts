import { expect, test } from 'vitest';
import { connect } from '#db/connect.ts';
import { Flush } from '#server/live/flush.ts';
import { commit } from '#server/live/commit.ts';
import { read } from '#server/live/transaction.ts';
import { freshDatabase } from '#tests/support/database.ts';
import { startProxy } from '#tests/support/proxy.ts';

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

test('a line that says nothing is given up, and the next one works', async () => {
  await using database = await freshDatabase();
  const url = new URL(database.url);
  const port = Number(url.port);
  await using proxy = await startProxy(() => port);
  url.port = String(proxy.port);
  const { pool, close } = connect({ url: url.href, max: 1, name: 'patient', patience: 400 });
  await pool.query('select $1::int', [1]);
  proxy.strand();
  const client = await pool.connect();
  const asked = [client.query('begin'), client.query('select $1::int', [2])];
  const answers = await Promise.allSettled(asked);
  client.release(true);
  expect(answers.map((answer) => answer.status === 'rejected' && String(answer.reason))).toEqual([
    'Error: Connection terminated: the database does not answer',
    'Error: Connection terminated: the database does not answer',
  ]);
  const { rows } = await pool.query('select $1::int as one', [1]);
  expect(rows).toEqual([{ one: 1 }]);
  await close();
});

test('what is long idle is not given up, and an error says who asked', async () => {
  await using database = await freshDatabase();
  const { pool, close } = connect({ url: database.url, max: 1, name: 'patient', patience: 200 });
  const pid = async () => await pool.query<{ pid: number }>('select pg_backend_pid() as pid', []);
  const { rows: first } = await pid();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { rows: second } = await pid();
  expect(second).toEqual(first);
  const client = await pool.connect();
  const askWrongly = async () => {
    await client.query('select nothing_at_all', []);
  };
  const stack = await askWrongly().catch((error: Error) => error.stack);
  expect(stack).toContain('askWrongly');
  client.release();
  await close();
});
