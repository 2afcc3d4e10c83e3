import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApi } from '#lib/api.ts';
import { Live } from '#lib/live/live.svelte.ts';
import type { Me } from '#lib/live/me.ts';
import { until } from '#tests/support/person.ts';
import { askEmbedded, killPostgres } from '#tests/support/postmaster.ts';
import { freePort, startProgram, type Program } from '#tests/support/server.ts';

/**
 * Another process commits without waiting for the disk, as a node does that shares its flush. What this
 * node shows of it must not go with Postgres.
 */
let dataDir: string;
let program: Program;
let url: string;
let live: Live;
let deal: { id: string; pipelineId: string };

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-durable-'));
  await chmod(dataDir, 0o755);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  program = await startProgram({ port, env: { DATA_DIR: dataDir, DEMO: '1' } });
  // Left alone, Postgres brings commits to the disk five times a second, and vacuum does it now and then.
  await ask("alter system set wal_writer_delay = '10s'");
  await ask('alter system set autovacuum = off');
  await ask('select pg_reload_conf()');
  const { tokens } = await createApi({ origin: url }).call.auth.login.mutate({
    email: 'anna@demo.test',
    password: 'demo-syncline',
    organization: 'demo',
  });
  const headers = { authorization: `Bearer ${tokens.access}` };
  const me: Me = { memberId: '', name: '', teamId: null, access: {} };
  live = new Live({ organization: 'demo', me, server: { origin: url, headers } });
  const [found] = await ask<{ id: string; pipelineId: string }>(
    `select d.id, d.pipeline_id as "pipelineId" from crm.deals d
     join crm.organizations o on o.id = d.organization_id and o.slug = 'demo'
     where d.state = 'open' limit 1`,
  );
  deal = found ?? { id: '', pipelineId: '' };
});
afterAll(async () => {
  live.stop();
  await program.end('SIGTERM');
  await rm(dataDir, { recursive: true, force: true });
});

const ask = <Row extends Record<string, unknown>>(text: string, values?: unknown[]) =>
  askEmbedded<Row>(dataDir, text, values);

const writeUnflushed = (title: string) =>
  ask(
    "update crm.deals set title = $2 where id = $1 and set_config('synchronous_commit', 'off', true) = 'off'",
    [deal.id, title],
  );

/** The title after Postgres was killed and has come back. */
async function titleAfterCrash(): Promise<string | undefined> {
  await killPostgres(dataDir);
  await expect
    .poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 })
    .toBe(503);
  await expect
    .poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 })
    .toBe(200);
  const [row] = await ask<{ title: string }>('select title from crm.deals where id = $1', [
    deal.id,
  ]);
  return row?.title;
}

// Nobody watches until the third test: the log is followed only for those who do.
test('a commit that nobody was shown may go with Postgres: the danger is real', async () => {
  await writeUnflushed('Shown to nobody');
  expect(await titleAfterCrash()).not.toBe('Shown to nobody');
});

test('what a call has answered stays', async () => {
  await writeUnflushed('Answered');
  const read = await live.api.call.deals.get.query({ id: deal.id });
  expect(read.title).toBe('Answered');
  expect(await titleAfterCrash()).toBe('Answered');
});

test('what came with the rows of a topic stays', async () => {
  await writeUnflushed('In the rows');
  live.start();
  const topic = live.subscribe('pipelineDeals', {
    pipelineId: deal.pipelineId,
    state: 'open',
  });
  await until('the rows are there', () => topic.ready);
  expect(live.rows('deals').get(deal.id)?.title).toBe('In the rows');
  expect(await titleAfterCrash()).toBe('In the rows');
});

test('what came in a frame stays', async () => {
  await writeUnflushed('In a frame');
  await until('the frame is there', () => live.rows('deals').get(deal.id)?.title === 'In a frame');
  expect(await titleAfterCrash()).toBe('In a frame');
});
