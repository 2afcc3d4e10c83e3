import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { register } from 'prom-client';
import { expect, test, vi } from 'vitest';
import { mostFailures, retryPoison } from '#server/readers/batch.ts';
import { collectReaders, readState } from '#server/readers/state.ts';
import { addTeam, change, logBase, type LogBase } from '#tests/db/log.ts';
import { noting, seenTable } from './noting.ts';
import { loggedOf, running, seenOf, writeTeams } from './reading.ts';

async function readingBase(): Promise<LogBase> {
  const log = await logBase();
  await log.base.owner.pool.query(seenTable);
  return log;
}

test('a reader is given every row of every organization once and in order', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const [one, two] = [await log.newOrganization(), await log.newOrganization()];
  await writeTeams(owner, one.org);
  const reader = noting('noting');
  await using runner = await running(log.base.url, [reader]);
  await writeTeams(owner, two.org);
  await writeTeams(owner, one.org, { from: 21, to: 40 });
  await runner.settle();
  for (const { org } of [one, two])
    expect(await seenOf(owner, 'noting', org)).toEqual(await loggedOf(owner, org));
  expect(await seenOf(owner, 'noting', one.org)).toHaveLength(41);
});

test('one that begins now passes by what was there, and misses no organization that comes', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const old = await log.newOrganization();
  await writeTeams(owner, old.org);
  const readers = [noting('old'), noting('young', { from: 'now' })];
  {
    await using runner = await running(log.base.url, readers);
    await runner.settle();
    await writeTeams(owner, old.org, { from: 21, to: 22 });
    await runner.settle();
  }
  // While nobody reads.
  const young = await log.newOrganization();
  await writeTeams(owner, young.org);
  await using runner = await running(log.base.url, readers);
  await runner.settle();
  expect(await seenOf(owner, 'old', old.org)).toEqual(await loggedOf(owner, old.org));
  expect(await seenOf(owner, 'young', old.org)).toEqual((await loggedOf(owner, old.org)).slice(-2));
  expect(await seenOf(owner, 'young', young.org)).toEqual(await loggedOf(owner, young.org));
});

test('20,000 transactions, and one of 12,000 rows among them, come whole and in order', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const { org } = await log.newOrganization();
  await writeTeams(owner, org, { from: 1, to: 12_000 });
  await change(log.pool, org, `update teams set external_id = name`);
  await writeTeams(owner, org, { from: 12_001, to: 20_000 });
  await using runner = await running(log.base.url, [noting('noting')]);
  await runner.settle();
  const logged = await loggedOf(owner, org);
  expect(logged).toHaveLength(1 + 20_000 + 12_000);
  expect(await seenOf(owner, 'noting', org)).toEqual(logged);
}, 90_000);

test('a transaction that fails by itself is set aside after some tries, and only that one', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const { org, since } = await log.newOrganization();
  await writeTeams(owner, org);
  const bad = since + 7;
  let tries = 0;
  let isMended = false;
  const reader = noting('noting', {
    refuse(pos) {
      if (pos !== bad || isMended) return;
      tries += 1;
      throw new Error('this cannot be read');
    },
  });
  await using runner = await running(log.base.url, [reader]);
  await runner.settle();
  const all = await loggedOf(owner, org);
  expect(await seenOf(owner, 'noting', org)).toEqual(all.filter(({ pos }) => pos !== bad));
  // Once among others, then alone.
  expect(tries).toBe(1 + mostFailures);
  const [state] = await readState(log.pool, [reader]);
  expect(state).toMatchObject({ poison: 1, failures: 0, lastError: null });
  collectReaders(log.pool, [reader]);
  const told = await register.metrics();
  expect(told).toMatch(/^reader_poison\{reader="noting"\} 1$/m);
  expect(told).toMatch(/^reader_lag_positions\{reader="noting"\} 0$/m);

  isMended = true;
  await retryPoison(log.pool, { reader, organizationId: org, position: bad });
  await retryPoison(log.pool, { reader, organizationId: org, position: bad });
  expect(await seenOf(owner, 'noting', org)).toEqual(all);
  expect((await readState(log.pool, [reader]))[0]?.poison).toBe(0);
});

test('a reader that is refused by the database writes nothing of that transaction', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const { org, since } = await log.newOrganization();
  await writeTeams(owner, org);
  await owner.query(`alter table crm.seen add check (pos <> ${since + 3})`);
  await using runner = await running(log.base.url, [noting('noting')]);
  await runner.settle();
  const left = (await loggedOf(owner, org)).filter(({ pos }) => pos !== since + 3);
  expect(await seenOf(owner, 'noting', org)).toEqual(left);
});

test('a rival, a lost connection, a deadlock: nothing is set aside for them', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const { org } = await log.newOrganization();
  await writeTeams(owner, org);
  let left = 2 * mostFailures;
  const reader = noting('noting', {
    refuse() {
      left -= 1;
      if (left > 0) throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
    },
  });
  await using runner = await running(log.base.url, [reader]);
  await runner.settle();
  expect(await seenOf(owner, 'noting', org)).toEqual(await loggedOf(owner, org));
  expect((await readState(log.pool, [reader]))[0]?.poison).toBe(0);
});

test('a reader that was frozen for an hour does not rest for hours', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const { org } = await log.newOrganization();
  let frozen = 0;
  const now = performance.now.bind(performance);
  using clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + frozen);
  const freeze = () => (frozen = 3_600_000);
  await using runner = await running(log.base.url, [
    { ...noting('noting', { refuse: freeze }), rest: 1 },
  ]);
  for (const from of [1, 2, 3]) {
    await writeTeams(owner, org, { from, to: from });
    await runner.settle();
  }
  expect(await seenOf(owner, 'noting', org)).toEqual(await loggedOf(owner, org));
  expect(clock).toHaveBeenCalled();
});

/** A process of its own with a reader in it. */
async function startProgram(url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['tests/readers/program.ts', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('two processes that are killed again and again note every row exactly once', async () => {
  await using log = await readingBase();
  const owner = log.base.owner.pool;
  const { org } = await log.newOrganization();
  const wholeLog = async () => (await seenOf(owner, 'noting', org)).length;
  const two = () => Promise.all([startProgram(log.base.url), startProgram(log.base.url)]);
  let programs = await two();
  try {
    for (let round = 0; round < 4; round += 1) {
      const before = await wholeLog();
      const writing = writeTeams(owner, org, { from: 1 + round * 1_500, to: (round + 1) * 1_500 });
      // In the middle of it.
      await expect.poll(wholeLog, { interval: 5 }).toBeGreaterThan(before);
      for (const one of programs) one.kill('SIGKILL');
      programs = await two();
      await writing;
    }
    const logged = await loggedOf(owner, org);
    expect(logged).toHaveLength(6_001);
    await expect.poll(wholeLog, { timeout: 20_000 }).toBeGreaterThanOrEqual(logged.length);
    expect(await seenOf(owner, 'noting', org)).toEqual(logged);
  } finally {
    for (const one of programs) one.kill('SIGKILL');
  }
}, 90_000);

test('what a reader writes itself has its name, and comes to it again', async () => {
  await using log = await readingBase();
  const { org } = await log.newOrganization();
  await using runner = await running(log.base.url, [
    {
      name: 'naming',
      from: 'start',
      async apply(tx, changes) {
        const isMine = ({ actor }: { actor: string | null }) => actor === 'reader:naming';
        const rows = changes.filter((one) => !isMine(one)).flatMap((one) => one.rows);
        for (const { entity, id } of rows)
          if (entity === 'teams')
            await tx
              .updateTable('teams')
              .set({ externalId: 'named' })
              .where('id', '=', id)
              .execute();
      },
    },
  ]);
  await change(log.pool, org, addTeam('one'));
  await runner.settle();
  await expect
    .poll(async () => (await log.logOf(org, 0)).map(({ actor, op }) => [actor, op]))
    .toEqual([
      [null, 'I'],
      [expect.anything(), 'I'],
      ['reader:naming', 'U'],
    ]);
  await runner.settle();
  expect((await log.logOf(org, 0)).length).toBe(3);
});
