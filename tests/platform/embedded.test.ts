import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { borrowEmbedded, findEmbedded, FolderInUse, startEmbedded } from '#db/embedded.ts';
import { freePort, type Program, startProgram } from '#tests/support/server.ts';

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };
const TOP = fileURLToPath(new URL('../..', import.meta.url));

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

test('what was committed before a kill -9 of the server is there after the next start', async () => {
  const dataDir = await makeFolder();
  const first = await startOn(dataDir);
  const found = await findEmbedded(dataDir);
  await ask(found?.url, 'create table public.kept as select generate_series(1, 100) as n');
  await first.end('SIGKILL');
  expect(await countKept((await findEmbedded(dataDir))?.url)).toBe(100);

  const second = await startOn(dataDir);
  expect(await findEmbedded(dataDir)).toEqual(found);
  expect(await countKept(found?.url)).toBe(100);
  expect(await second.end('SIGINT')).toBe(0);
  expect(await findEmbedded(dataDir)).toBeUndefined();
});

test('after a kill -9 of the server and of Postgres it recovers by itself', async () => {
  const dataDir = await makeFolder();
  const first = await startOn(dataDir);
  await ask((await findEmbedded(dataDir))?.url, 'create table public.kept as select 1 as n');
  process.kill(await postmasterOf(dataDir), 'SIGKILL');
  await first.end('SIGKILL');

  await startOn(dataDir);
  expect(await countKept((await findEmbedded(dataDir))?.url)).toBe(1);
});

test('a Postgres that dies is brought back while the server goes on', async () => {
  const dataDir = await makeFolder();
  const program = await startOn(dataDir);
  const before = await postmasterOf(dataDir);
  process.kill(before, 'SIGKILL');
  await expect.poll(() => postmasterOf(dataDir), { timeout: 10_000 }).not.toBe(before);
  await expect
    .poll(async () => (await fetch(`${program.url}/readyz`)).status, { timeout: 10_000 })
    .toBe(200);
});

test('a second server on the same data folder says so and leaves the first alone', async () => {
  const dataDir = await makeFolder();
  const first = await startOn(dataDir);
  await expect(startOn(dataDir)).rejects.toThrow('Another process serves this data folder');
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  await expect(startEmbedded({ dataDir, log: QUIET })).rejects.toBeInstanceOf(FolderInUse);
});

test('a tool beside the server uses its Postgres; without a server it starts one for itself', async () => {
  const dataDir = await makeFolder();
  const alone = await borrowEmbedded({ dataDir, log: QUIET });
  await alone.stop();
  expect(await findEmbedded(dataDir)).toBeUndefined();

  await startOn(dataDir);
  const beside = await borrowEmbedded({ dataDir, log: QUIET });
  await beside.stop();
  expect(await findEmbedded(dataDir)).toEqual({ url: beside.url });
});

test('two servers that start at once on a new folder make one cluster, and one of them serves', async () => {
  const dataDir = await makeFolder();
  const both = await Promise.allSettled([1, 2].map(() => startEmbedded({ dataDir, log: QUIET })));
  const served = both.filter((one) => one.status === 'fulfilled');
  for (const { value } of served) cleanups.push(() => value.stop());
  expect(served).toHaveLength(1);
  const refused = both.find((one) => one.status === 'rejected');
  expect(refused?.reason).toBeInstanceOf(FolderInUse);
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)('root starts it below a folder that only root may enter', async () => {
  const home = await makeFolder();
  await chmod(home, 0o700);
  const dataDir = path.join(home, 'deep', '.data');
  await mkdir(dataDir, { recursive: true });
  const program = await startOn(dataDir);
  const place = (await readFile(path.join(dataDir, 'postgres.place'), 'utf8')).trim();
  cleanups.unshift(() => rm(place, { recursive: true }));
  expect(existsSync(path.join(place, 'cluster', 'PG_VERSION'))).toBe(true);
  const url = (await findEmbedded(dataDir))?.url;
  await ask(url, 'create table public.kept as select 1 as n');
  await program.end('SIGKILL');
  await startOn(dataDir);
  expect(await countKept((await findEmbedded(dataDir))?.url)).toBe(1);
});

test.runIf(isRoot)('an ordinary user starts it, with no help of root', async () => {
  const dataDir = await makeFolder();
  execFileSync('chown', ['nobody', dataDir]);
  const port = await freePort();
  const child = spawn(process.execPath, ['server/main.ts'], {
    cwd: TOP,
    env: { PATH: process.env['PATH'], PORT: String(port), DATA_DIR: dataDir, DEMO: '0' },
    uid: Number(execFileSync('id', ['-u', 'nobody'])),
    gid: Number(execFileSync('id', ['-g', 'nobody'])),
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  cleanups.push(() => (child.kill('SIGTERM'), ended));
  const ready = async () =>
    (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok;
  await expect.poll(ready, { timeout: 20_000 }).toBe(true);
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'syncline embedded '));
  await chmod(folder, 0o755);
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function startOn(dataDir: string): Promise<Program & { url: string }> {
  const port = await freePort();
  const program = await startProgram({ port, env: { DATA_DIR: dataDir, DEMO: '0' } });
  cleanups.push(() => program.end('SIGTERM'));
  return { ...program, url: `http://127.0.0.1:${port}` };
}

async function postmasterOf(dataDir: string): Promise<number> {
  const file = path.join(dataDir, 'postgres', 'cluster', 'postmaster.pid');
  return Number((await readFile(file, 'utf8').catch(() => '0')).split('\n')[0]);
}

async function countKept(url: string | undefined): Promise<number> {
  return Number((await ask(url, 'select count(*) as n from public.kept'))[0]?.['n']);
}

async function ask(url: string | undefined, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url ?? 'postgres://nowhere.invalid');
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}
