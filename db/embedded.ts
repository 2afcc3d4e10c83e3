import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isCode, type Place, placeOf } from '#db/embedded-place.ts';

export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface Embedded {
  /** The superuser's address, for migrations. */
  url: string;
  /** Ends Postgres; resolves when it is down. */
  stop(): Promise<void>;
}

/** Another process serves this data folder: the message says which. */
export class FolderInUse extends Error {}

// One advisory lock, held by a connection of the serving process, says who serves a data folder:
// unlike a lock file it ends with the process, whatever ended it.
const SERVING = 7_390_154_021;
const NAME = 'syncline';

/**
 * Serves the data folder's Postgres: makes the cluster the first time, starts it, or adopts the one
 * that outlived a killed process, and starts it again should it die. Throws FolderInUse when another
 * process serves the folder. fsync and synchronous_commit are on.
 */
export async function startEmbedded({
  dataDir,
  log,
}: {
  dataDir: string;
  log: Log;
}): Promise<Embedded> {
  const place = placeOf(path.resolve(dataDir));
  if (!fs.existsSync(cluster(place))) await makeCluster(place, log);
  let stopping = false;
  let { url, lock } = await serve(place, log);

  const watch = () => {
    lock.once('end', () => {
      if (stopping) return;
      log.error({}, 'Postgres went away; bringing it back');
      recover().catch((error: unknown) => log.error({ err: error }, 'Postgres cannot be started'));
    });
  };
  const recover = async () => {
    while (!stopping) {
      try {
        ({ url, lock } = await serve(place, log));
        watch();
        log.info({}, 'Postgres is back');
        return;
      } catch (error) {
        if (error instanceof FolderInUse) throw error;
        log.error({ err: error }, 'Postgres does not start; trying again');
        await sleep(1000);
      }
    }
  };
  watch();

  return {
    url,
    async stop() {
      stopping = true;
      await lock.end().catch(() => undefined);
      await shutDown(place);
    },
  };
}

/** The Postgres of a data folder where one runs. It is never started here. */
export async function findEmbedded(dataDir: string): Promise<{ url: string } | undefined> {
  const folder = path.resolve(dataDir);
  if (!fs.existsSync(folder)) return undefined;
  const running = await reach(placeOf(folder));
  if (!running) return undefined;
  await running.client.end();
  return { url: running.url };
}

/** For command line tools: the running Postgres of a data folder, else one started for this tool. */
export async function borrowEmbedded(options: { dataDir: string; log: Log }): Promise<Embedded> {
  const found = await findEmbedded(options.dataDir);
  return found ? { url: found.url, stop: async () => undefined } : startEmbedded(options);
}

function cluster(place: Place): string {
  return path.join(place.folder, 'cluster');
}

// The cluster appears whole or not at all: of two processes that make one, one rename wins.
async function makeCluster(place: Place, log: Log): Promise<void> {
  const began = Date.now();
  const draft = fs.mkdtempSync(`${place.folder}.`);
  fs.chmodSync(draft, 0o755);
  fs.mkdirSync(path.join(draft, 'cluster'), { recursive: true });
  fs.chmodSync(path.join(draft, 'cluster'), 0o700);
  const password = path.join(draft, 'password');
  fs.writeFileSync(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (place.runner) {
    fs.chownSync(path.join(draft, 'cluster'), place.runner.uid, place.runner.gid);
    fs.chownSync(password, place.runner.uid, place.runner.gid);
  }
  try {
    await run(
      spawn(
        path.join(place.binaries, 'initdb'),
        [
          `--pgdata=${path.join(draft, 'cluster')}`,
          `--username=${NAME}`,
          `--pwfile=${password}`,
          '--auth=scram-sha-256',
          '--encoding=UTF8',
          '--locale-provider=icu',
          '--icu-locale=und',
          '--locale=C.UTF-8',
        ],
        { ...place.runner, stdio: ['ignore', 'pipe', 'pipe'], cwd: draft },
      ),
    );
    if (place.runner) fs.chownSync(password, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    fs.renameSync(draft, place.folder);
    log.info({ folder: place.folder, ms: Date.now() - began }, 'made a Postgres cluster');
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

async function run(child: ChildProcess): Promise<void> {
  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${output.trim()}`);
}

async function serve(place: Place, log: Log): Promise<{ url: string; lock: pg.Client }> {
  const deadline = Date.now() + 120_000;
  let started: ChildProcess | undefined;
  while (Date.now() < deadline) {
    const running = await reach(place);
    if (running) {
      const served = await takeLock(running);
      if (served) return served;
      started = undefined;
    } else if (!postmaster(place) && (!started || started.exitCode !== null)) {
      if (started) log.warn({ tail: logTail(place) }, 'Postgres ended while it was starting');
      started = await launch(place);
    }
    await sleep(started?.exitCode ? 300 : 20);
  }
  throw new Error(`Postgres did not start within two minutes. Its last words: ${logTail(place)}`);
}

// Undefined when Postgres ended meanwhile, as it does when the former holder was just stopping.
async function takeLock(running: { url: string; client: pg.Client }) {
  const { url, client } = running;
  try {
    for (let tries = 0; tries < 30; tries++) {
      const { rows } = await client.query<{ got: boolean }>(
        'select pg_try_advisory_lock($1) as got',
        [SERVING],
      );
      if (rows[0]?.got) {
        const { rows: bases } = await client.query('select from pg_database where datname = $1', [
          NAME,
        ]);
        if (bases.length === 0) await client.query(`create database ${NAME}`);
        return { url, lock: client };
      }
      await sleep(100);
    }
    const { rows } = await client.query<{ name: string }>(
      `select a.application_name as name from pg_locks l join pg_stat_activity a using (pid)
       where l.locktype = 'advisory' and l.granted
         and (l.classid::bigint << 32) | l.objid::bigint = $1`,
      [SERVING],
    );
    throw new FolderInUse(
      `Another process serves this data folder (${rows[0]?.name ?? 'unknown'}). ` +
        'Stop it, or set another DATA_DIR.',
    );
  } catch (error) {
    await client.end().catch(() => undefined);
    if (error instanceof FolderInUse) throw error;
    return undefined;
  }
}

async function launch(place: Place): Promise<ChildProcess> {
  const port = await freePort(place);
  const logFile = path.join(place.folder, 'postgres.log');
  const isLong = fs.existsSync(logFile) && fs.statSync(logFile).size > 10_000_000;
  const output = fs.openSync(logFile, isLong ? 'w' : 'a');
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    // A young database plans badly until its tables have been counted.
    autovacuum_naptime: '10s',
    fsync: 'on',
    synchronous_commit: 'on',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    jit: 'off',
    max_wal_size: '512MB',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // Detached: Ctrl-C in a terminal reaches every process of the group, and Postgres must go last.
  const child = spawn(path.join(place.binaries, 'postgres'), ['-D', cluster(place), ...args], {
    ...place.runner,
    cwd: cluster(place),
    detached: true,
    stdio: ['ignore', output, output],
  });
  fs.closeSync(output);
  child.on('error', () => undefined);
  child.unref();
  return child;
}

// The port of last time where it is free, so that a psql of one's own finds the database again.
async function freePort(place: Place): Promise<number> {
  const file = path.join(place.folder, 'port');
  const last = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0;
  const port = (await probe(last)) ?? (await probe(0));
  if (!port) throw new Error('There is no free port on 127.0.0.1 for Postgres.');
  fs.writeFileSync(file, String(port));
  return port;
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

// A connection to the running Postgres of this very cluster, however it came to run.
async function reach(place: Place): Promise<{ url: string; client: pg.Client } | undefined> {
  const running = postmaster(place);
  if (!running?.port) return undefined;
  const password = fs.readFileSync(path.join(place.folder, 'password'), 'utf8').trim();
  const base = `postgres://${NAME}:${password}@127.0.0.1:${running.port}`;
  const client = new pg.Client({
    connectionString: `${base}/postgres`,
    application_name: `syncline process ${process.pid}`,
    connectionTimeoutMillis: 2000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    if (fs.realpathSync(rows[0]?.data_directory ?? '') !== fs.realpathSync(cluster(place))) {
      throw new Error('another cluster answers on this port');
    }
    return { url: `${base}/${NAME}`, client };
  } catch {
    await client.end().catch(() => undefined);
    return undefined;
  }
}

// What postmaster.pid says, if that process lives and is Postgres: after a crash of the machine or
// in a new container its number may belong to a stranger, for whom Postgres would wait for ever.
function postmaster(place: Place): { pid: number; port: number | undefined } | undefined {
  const file = path.join(cluster(place), 'postmaster.pid');
  let lines: string[];
  try {
    lines = fs.readFileSync(file, 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!(pid > 0)) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!isCode(error, 'EPERM')) return undefined;
  }
  const command = `/proc/${pid}/cmdline`;
  if (fs.existsSync(command) && !fs.readFileSync(command, 'utf8').includes('postgres')) {
    fs.rmSync(file, { force: true });
    return undefined;
  }
  return { pid, port: Number(lines[3]) || undefined };
}

async function shutDown(place: Place): Promise<void> {
  const began = Date.now();
  let sent: NodeJS.Signals | undefined;
  for (let at = postmaster(place); at; at = postmaster(place)) {
    const waited = Date.now() - began;
    const signal = waited < 10_000 ? 'SIGINT' : waited < 15_000 ? 'SIGQUIT' : 'SIGKILL';
    if (signal !== sent) process.kill(at.pid, signal);
    sent = signal;
    await sleep(20);
  }
}

function logTail(place: Place): string {
  const file = path.join(place.folder, 'postgres.log');
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').slice(-1000) : '';
}
