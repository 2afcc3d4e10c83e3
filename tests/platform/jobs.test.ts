import { register } from 'prom-client';
import { expect, test, vi } from 'vitest';
import { startClock, type Job } from '#jobs/clock.ts';
import { claim, extend } from '#jobs/lease.ts';
import { collectJobs, readJobs } from '#jobs/state.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

const log = { info: () => undefined, error: () => undefined };
const lookEvery = 20;

function startNode(base: TestDatabase, job: Omit<Job, 'name' | 'schedule'>, leaseFor = 30_000) {
  const jobs = [{ name: 'nightly', schedule: '17 3 * * *', ...job }];
  const clock = startClock({ jobs, pool: base.owner.pool, log, lookEvery, leaseFor });
  return { ...clock, [Symbol.asyncDispose]: () => clock.stop() };
}

async function stateOf(base: TestDatabase) {
  const { rows } = await base.owner.pool.query<{ run: number; finished: boolean; due: string }>(
    `select run, finished_at is not null as finished,
      to_char(due_at at time zone 'utc', 'HH24:MI') || case when due_at > now() then ' to come' else '' end as due
     from platform.jobs where name = 'nightly'`,
  );
  return rows[0];
}

test('of several nodes one does a job that is due, and the next run is by its schedule', async () => {
  await using base = await freshDatabase();
  const run = vi.fn(async () => ({}));
  {
    await using _one = startNode(base, { run });
    await using _two = startNode(base, { run });
    await using _three = startNode(base, { run });
    await expect.poll(() => stateOf(base)).toMatchObject({ finished: true });
  }
  // A node that starts later finds nothing to do.
  const late = startNode(base, { run });
  await late.stop();
  expect(run).toHaveBeenCalledTimes(1);
  expect(await stateOf(base)).toEqual({ run: 1, finished: true, due: '03:17 to come' });
});

test('what a node left undone is done by another as soon as its lease is over', async () => {
  await using base = await freshDatabase();
  const dead = await claim(base.owner.pool, 'nightly', 300);
  expect(dead).toMatchObject({ run: 1 });
  const run = vi.fn(async () => ({}));
  await using _alive = startNode(base, { run });
  expect(await claim(base.owner.pool, 'nightly', 300)).toBeUndefined();
  await expect.poll(() => stateOf(base)).toMatchObject({ run: 2, finished: true });
  expect(run).toHaveBeenCalledTimes(1);
});

test('a node that was thought dead is told that the run is not its own any more', async () => {
  await using base = await freshDatabase();
  let isTold = false;
  await using _frozen = startNode(
    base,
    {
      run: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            isTold = true;
            resolve({});
          });
        }),
    },
    600,
  );
  await expect.poll(() => stateOf(base)).toMatchObject({ run: 1, finished: false });
  // As if it had said nothing for as long as its lease.
  await base.owner.pool.query("update platform.jobs set leased_until = '-infinity'");
  const taken = await claim(base.owner.pool, 'nightly', 30_000);
  expect(taken).toMatchObject({ run: 2 });
  await expect.poll(() => isTold).toBe(true);
  // What it then says of its end counts for nothing.
  expect(await stateOf(base)).toMatchObject({ run: 2, finished: false });
  expect(taken && (await extend(base.owner.pool, taken, 30_000))).toBe(true);
});

test('a job that fails stands as failing, with the reason, until it is done', async () => {
  await using base = await freshDatabase();
  const { pool } = base.owner;
  let isBroken = true;
  const states = async () =>
    (await readJobs(pool)).map(({ failures, finishedAt, lastError }) => ({
      ...{ failures, isDone: finishedAt !== null, lastError },
    }));
  collectJobs(pool, ['nightly', 'weekly']);
  await using _node = startNode(
    base,
    {
      run: async () => {
        if (isBroken) throw new Error('No \0 room');
        return {};
      },
    },
    50,
  );
  await expect.poll(async () => (await states())[0]?.failures).toBeGreaterThan(1);
  expect(await states()).toMatchObject([{ isDone: false, lastError: 'No  room' }]);
  expect(await register.metrics()).toMatch(/^job_failures\{job="nightly"\} [1-9]/m);
  expect(await register.metrics()).toMatch(/^job_done_timestamp_seconds\{job="nightly"\} 0$/m);
  isBroken = false;
  await expect.poll(states).toEqual([{ failures: 0, isDone: true, lastError: 'No  room' }]);
  const told = await register.metrics();
  expect(told).toMatch(/^job_failures\{job="nightly"\} 0$/m);
  expect(told).toMatch(/^job_failures\{job="weekly"\} 0$/m);
  expect(told).toMatch(/^job_done_timestamp_seconds\{job="nightly"\} 1[.\d]+(e\+9)?$/m);
});

test('a job that fails is tried again, a job that is long is not done beside itself', async () => {
  await using base = await freshDatabase();
  let tries = 0;
  await using _node = startNode(
    base,
    {
      run: async () => {
        tries += 1;
        if (tries === 1) throw new Error('The first try fails');
        return {};
      },
    },
    100,
  );
  await expect.poll(() => stateOf(base)).toMatchObject({ run: 2, finished: true });
  expect(tries).toBe(2);
});
