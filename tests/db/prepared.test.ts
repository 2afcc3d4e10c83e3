import type { PoolClient } from 'pg';
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

/** A pool that gives a line up after 400 ms, and the line to cut. */
async function throughProxy() {
  const database = await freshDatabase();
  const url = new URL(database.url);
  const port = Number(url.port);
  const proxy = await startProxy(() => port);
  url.port = String(proxy.port);
  const { pool, close } = connect({ url: url.href, max: 1, name: 'patient', patience: 400 });
  return {
    proxy,
    pool,
    async [Symbol.asyncDispose]() {
      await close();
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

test('a line that says nothing is given up, and the next one works', async () => {
  await using patient = await throughProxy();
  const { proxy, pool } = patient;
  await pool.query('select $1::int', [1]);
  proxy.strand();
  const client = await pool.connect();
  const asked = [
    client.query('begin'),
    client.query('begin', []),
    client.query('select $1::int', [2]),
    client.query('commit', []),
  ];
  const answers = await Promise.allSettled(asked);
  client.release(true);
  const gone = 'Error: Connection terminated: the database does not answer';
  expect(answers.map((answer) => answer.status === 'rejected' && String(answer.reason))).toEqual(
    asked.map(() => gone),
  );
  const { rows } = await pool.query('select $1::int as one', [1]);
  expect(rows).toEqual([{ one: 1 }]);
});

test('a line is given up as well where nothing was asked of it but by an object', async () => {
  await using patient = await throughProxy();
  const { proxy, pool } = patient;
  const client = await pool.connect();
  await client.query('begin', []);
  const asked = { text: 'select $1::int as one', values: [1] };
  expect((await client.query<{ one: number }>(asked)).rows).toEqual([{ one: 1 }]);
  proxy.strand();
  await expect(client.query(asked)).rejects.toThrow('the database does not answer');
  client.release(true);
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

const within = async <T>(run: (client: PoolClient) => Promise<T>): Promise<T> => {
  await using database = await freshDatabase();
  const client = await database.pool.connect();
  try {
    return await run(client);
  } finally {
    client.release();
  }
};

const told = async (asked: Promise<unknown>[]) =>
  (await Promise.allSettled(asked)).map((answer) =>
    answer.status === 'rejected'
      ? ((answer.reason as { code?: string }).code ?? String(answer.reason))
      : 'done',
  );

test('what is asked behind a failure is not done, and can be asked again', () =>
  within(async (client) => {
    const behind = () => client.query(`select 'never asked before' as one, $1::int as two`, [2]);
    const answers = await told([
      client.query('begin', []),
      client.query('select 1 / $1::int', [0]),
      behind(),
      client.query('commit', []),
    ]);
    expect(answers).toEqual(['done', '22012', '25P02', '25P02']);
    expect(await told([behind()])).toEqual(['25P02']);
    await client.query('rollback');
    expect((await behind()).rows).toEqual([{ one: 'never asked before', two: 2 }]);
  }));

test('a rollback is done whatever fails before it', () =>
  within(async (client) => {
    const fails = () => client.query('select 1 / $1::int', [0]);
    expect(await told([client.query('begin', []), fails(), client.query('rollback', [])])).toEqual([
      'done',
      '22012',
      'done',
    ]);
    const answers = await told([
      client.query('begin', []),
      client.query('savepoint before', []),
      fails(),
      client.query('rollback to savepoint before', []),
      client.query('select $1::int', [1]),
      client.query('commit', []),
    ]);
    expect(answers).toEqual(['done', 'done', '22012', 'done', 'done', 'done']);
  }));

test('where a transaction could not begin, each stands alone again', () =>
  within(async (client) => {
    await client.query('create temp table kept (n int)');
    expect(await told([client.query('begin isolation level never', [])])).toEqual(['42601']);
    const keep = (n: number) => client.query('insert into kept values (1 / $1::int)', [n]);
    expect(await told([keep(1), keep(0), keep(1)])).toEqual(['done', '22012', 'done']);
  }));

test('a text that asks nothing has an answer of its own', () =>
  within(async (client) => {
    const [, nothing, one] = await Promise.all([
      client.query('begin', []),
      client.query('-- nothing', []),
      client.query<{ n: number }>('select $1::int as n', [1]),
      client.query('commit', []),
    ]);
    expect([nothing.rows, one.rows]).toEqual([[], [{ n: 1 }]]);
    const { rowCount } = await client.query('create temp table new_one (n int)', []);
    expect(rowCount).toBeNull();
  }));

test('outside a transaction each stands alone', () =>
  within(async (client) => {
    await client.query('create temp table kept (n int)');
    const keep = (n: number) => client.query('insert into kept values (1 / $1::int)', [n]);
    expect(await told([keep(1), keep(0), keep(1)])).toEqual(['done', '22012', 'done']);
    const { rows } = await client.query('select n from kept', []);
    expect(rows).toEqual([{ n: 1 }, { n: 1 }]);
  }));

test('a transaction goes on behind an answer that nobody can read', () =>
  within(async (client) => {
    const answers = await told([
      client.query('begin', []),
      client.query('select $1::int8 as much', ['9007199254740993']),
      client.query('select $1::int as one', [1]),
      client.query('commit', []),
    ]);
    expect(answers).toEqual([
      'done',
      'RangeError: 9007199254740993 does not fit a number exactly',
      'done',
      'done',
    ]);
  }));

test('a value that cannot be said takes nothing along', () =>
  within(async (client) => {
    const round: Record<string, unknown> = {};
    round['itself'] = round;
    const [first, second, third] = await told([
      client.query('begin', []),
      client.query('select $1::jsonb as never', [round]),
      client.query('select $1::int as one', [1]),
    ]);
    expect([first, third]).toEqual(['done', 'done']);
    expect(second).toContain('circular');
    const { rows } = await client.query('select $1::jsonb as now', [{ fine: true }]);
    expect(rows).toEqual([{ now: { fine: true } }]);
    await client.query('rollback');
  }));

test('a text of several statements may stand between those of a transaction', () =>
  within(async (client) => {
    const answers = await Promise.all([
      client.query('begin', []),
      client.query<{ n: number }>('select $1::int as n', [1]),
      client.query('create temp table mine (n int); insert into mine values (2)'),
      client.query<{ n: number }>('select n from mine where n = $1', [2]),
      client.query('commit', []),
    ]);
    expect([answers[1].rows, answers[3].rows]).toEqual([[{ n: 1 }], [{ n: 2 }]]);
  }));

test('a line that breaks refuses all that was asked, each once, and says that it broke', async () => {
  await using database = await freshDatabase();
  const client = await database.pool.connect();
  const refusals: (string | undefined)[] = [];
  const ended = ['begin', 'select pg_sleep(10)', 'select 1'].map((text) =>
    client.query(text, []).catch((error: Error & { code?: string }) => refusals.push(error.code)),
  );
  const end = `select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(10)'`;
  await expect.poll(async () => (await database.owner.pool.query(end)).rowCount).toBe(1);
  await Promise.all(ended);
  client.release(true);
  expect(refusals).toEqual(['57P01', '57P01']);
});
