import pg, { type Pool } from 'pg';
import { expect, test } from 'vitest';
import { Canary } from '#server/live/canary.ts';
import { startParts } from '#tests/auth/people.ts';
import { startServer } from '#tests/support/server.ts';

const every = 100;
const limit = { timeout: 20_000, interval: 50 };

/** Has the poll of the log find nothing, while it answers as ever; the second undoes it. */
async function blind(pool: Pool): Promise<() => Promise<void>> {
  const { rows } = await pool.query<{ sql: string }>(
    `select pg_get_functiondef('sync.moved'::regproc) as sql`,
  );
  const whole = rows[0]?.sql ?? '';
  await pool.query(whole.replace('group by 1', 'and false group by 1'));
  return async () => void (await pool.query(whole));
}

test('the canary lives while the log is read, falls silent when it is not, and comes back', async () => {
  await using parts = await startParts();
  const { live, log } = parts.app;
  const { owner } = parts.database;
  await live.attach();
  const canary = new Canary(live, { log, every });
  canary.start();
  const position = async () =>
    (await owner.pool.query<{ pos: number }>('select pos from sync.org_clock')).rows[0]?.pos ?? 0;
  await expect.poll(position, limit).toBeGreaterThan(2);
  expect(canary.isAlive).toBe(true);

  // Everything answers, and nothing comes through: a poll that finds nothing looks like a quiet night.
  const mend = await blind(owner.pool);
  await expect.poll(() => canary.isAlive, limit).toBe(false);
  expect(live.health()).toBeUndefined();

  await mend();
  await expect.poll(() => canary.isAlive, limit).toBe(true);

  live.tail.stop();
  await expect.poll(() => canary.isAlive, limit).toBe(false);
  canary.stop();
  await live.stop();
});

test('the server is not ready while its path from commit to sockets is dead', async () => {
  await using server = await startServer();
  await using pool = closing(new pg.Pool({ connectionString: server.databaseUrl }));
  const ready = async () => (await fetch(`${server.url}/readyz`)).json() as Promise<unknown>;
  const mend = await blind(pool);
  const patience = { timeout: 25_000, interval: 200 };
  await expect.poll(ready, patience).toEqual({ status: 'unready', failed: ['canary'] });
  await mend();
  await expect.poll(ready, patience).toEqual({ status: 'ready' });
  const counted = async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/live_commit_to_gateway_seconds_count (\d+)/.exec(metrics)?.[1]);
  };
  // The beat that came out late, and those after it.
  await expect.poll(counted, patience).toBeGreaterThan(1);
}, 60_000);

const closing = (pool: Pool): Pool & AsyncDisposable =>
  Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
