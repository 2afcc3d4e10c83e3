import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { connect, connectAsOwner } from '#db/connect.ts';
import { serveDatabase } from '#db/database.ts';
import type { Embedded } from '#db/embedded.ts';
import { migrate, newestMigration } from '#db/migrate.ts';
import { startClock } from '#jobs/clock.ts';
import { letters, oldNotifications, reminders } from '#jobs/notifications.ts';
import { checkSeals, oldActs, seal } from '#jobs/seal.ts';
import { collectJobs } from '#jobs/state.ts';
import { tidy } from '#jobs/tidy.ts';
import { type App, setApp } from './app.ts';
import { admit } from './auth/admission.ts';
import { findMember } from './auth/membership.ts';
import { livingSignIns } from './auth/sessions.ts';
import { type Config, DEFAULT_DEMO_PASSWORD, readConfig } from './config.ts';
import { liveLists, liveTotals } from './live-views.ts';
import { fillDemo } from './demo.ts';
import { explain } from './explain.ts';
import { databaseCheck, Health } from './health.ts';
import { createHttpServer, type Mount } from './http.ts';
import { Bus } from './live/bus.ts';
import { Canary } from './live/canary.ts';
import { collectLive } from './live/path.ts';
import { LiveServer } from './live/server.ts';
import { createLog } from './log.ts';
import { collectBusMetrics, collectProcessMetrics } from './metrics.ts';
import { Pusher } from './notifications/pusher.ts';
import { createPages } from './pages.ts';
import { readers } from './readers/all.ts';
import { Runner } from './readers/runner.ts';
import { collectReaders } from './readers/state.ts';
import { handleRest } from './rest/adapter.ts';
import { handleTrpc } from './trpc-http.ts';

const isDev = process.argv.includes('--dev');
const HARD_EXIT_MS = 25_000;
const FAREWELL_MS = 1_000;

interface Parts {
  config: Config;
  log: Logger;
  database: Embedded;
}

async function start(): Promise<void> {
  const config = readConfig();
  const log = createLog(config);
  const serving = serveDatabase({ ...config, log });
  // Until everything runs, a signal has only Postgres to take along.
  let stop = async () => (await serving).stop();
  const signal = stopOnSignal(log, () => stop());
  const database = await serving;
  try {
    stop = await run({ config, log, database });
  } catch (error) {
    await database.stop();
    if (!signal.aborted) throw error;
  }
}

/** Starts all parts; what it returns ends them again. */
async function run({ config, log, database }: Parts): Promise<() => Promise<void>> {
  await migrate({ url: database.url, log });
  const url = config.databaseAppUrl ?? database.url;
  const { pool, db, close } = connect({
    url,
    max: 12,
    name: `syncline ${process.pid}`,
    patience: 30_000,
  });
  const own = connect({
    url,
    max: 4,
    name: `syncline live ${process.pid}`,
    patience: 10_000,
  });
  const parts = { config, log, db, pool };
  const bus = config.redisUrl ? new Bus({ url: config.redisUrl, log }) : undefined;
  const live = new LiveServer({
    pool,
    ownPool: own.pool,
    bus,
    log,
    admit: (handshake) => admit(parts, handshake),
    findMember: (userId, organization) => findMember(parts, { userId }, organization),
    liveSessions: (hashes) => livingSignIns(parts, hashes),
    totals: liveTotals,
    lists: liveLists,
  });
  const app: App = { config, log, pool, db, live };
  setApp(app);
  collectProcessMetrics(pool);
  if (bus) collectBusMetrics(bus);
  collectLive(live);
  const canary = new Canary(live, { log });
  const health = new Health({
    database: databaseCheck(pool, await newestMigration()),
    live: () => live.health() === undefined,
    canary: () => canary.isAlive,
  });
  const mounts: Mount[] = [];
  const server = createHttpServer({ config, log, health, mounts });
  const hangUp = keepLines(server);
  const pages = config.roles.web ? await createPages({ server, isDev }) : undefined;
  if (pages) {
    mounts.push(
      { path: '/api', handle: handleRest(app) },
      { path: '/trpc', handle: handleTrpc(app) },
      { path: '/', handle: pages.handle },
    );
  }
  await live.attach(config.roles.web ? server : undefined);
  canary.start();
  const owner = connectAsOwner({ url: database.url, max: 3, name: 'syncline jobs' });
  const clock = config.roles.jobs ? startJobs(app, owner.pool) : undefined;
  const reading = config.roles.jobs ? await startReaders(url, log) : undefined;
  const pusher = config.roles.jobs ? new Pusher(app, owner.pool) : undefined;
  pusher?.start();
  if (config.demo) await fillDemo(app, { password: config.demoPassword });
  await listen(server, config);
  announce(config, server);

  return async () => {
    health.isDraining = true;
    // A balancer needs a moment to notice that this node takes no more requests.
    await sleep(config.drainSeconds * 1000);
    canary.stop();
    const closed = closeServer(server);
    await Promise.all([live.drain(), clock?.stop(), reading?.stop(), pusher?.stop()]);
    hangUp();
    await live.stop();
    await closed;
    await pages?.close();
    await Promise.all([close(), own.close(), owner.close()]);
    await database.stop();
  };
}

/** The work that comes round by the clock. */
function startJobs(app: App, owner: Pool): { stop(): Promise<void> } {
  const { config, log } = app;
  const jobs = [
    tidy(owner, config),
    seal(owner, config),
    oldActs(owner, config),
    checkSeals(owner, config, log),
    reminders(app, owner),
    letters(app, owner),
    oldNotifications(app, owner),
  ];
  collectJobs(
    owner,
    jobs.map(({ name }) => name),
  );
  return startClock({ jobs, pool: owner, log });
}

/** The readers of the change log, on connections of their own. */
async function startReaders(url: string, log: Logger): Promise<{ stop(): Promise<void> }> {
  const { pool, close } = connect({
    url,
    max: readers.length + 2,
    name: `syncline readers ${process.pid}`,
    patience: 60_000,
  });
  const runner = new Runner({ pool, readers, log });
  await runner.start();
  collectReaders(pool, readers);
  return {
    async stop() {
      await runner.stop();
      await close();
    },
  };
}

/** Runs `stop` at the first SIGTERM or SIGINT and ends the process; aborted from then on. */
function stopOnSignal(log: Logger, stop: () => Promise<void>): AbortSignal {
  const stopping = new AbortController();
  const end = (signal: string) => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), HARD_EXIT_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the stop met an error');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  return stopping.signal;
}

function listen(server: Server, { port, host }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // A kept-alive connection that answers its last request only now becomes idle only now.
    const sweep = setInterval(() => server.closeIdleConnections(), 100);
    server.close(() => {
      clearInterval(sweep);
      resolve();
    });
  });
}

/** Knows the lines of open sockets, to break those whose other end does not answer a farewell. */
function keepLines(server: Server): () => void {
  const lines = new Set<Duplex>();
  server.on('upgrade', (_, line: Duplex) => {
    lines.add(line);
    line.once('close', () => lines.delete(line));
  });
  return () => {
    setTimeout(() => {
      for (const line of lines) line.destroy();
    }, FAREWELL_MS).unref();
  };
}

function announce({ host, publicUrl, demo, demoPassword }: Config, server: Server): void {
  const { port } = server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  process.stdout.write(`\n  Syncline is at ${publicUrl ?? `http://${name}:${port}`}\n`);
  if (!demo) return;
  const password =
    demoPassword === DEFAULT_DEMO_PASSWORD ? demoPassword : 'what DEMO_PASSWORD says';
  process.stdout.write(
    '  Sign in as anna@demo.test (administrator), boris@demo.test (sales) or\n' +
      `  vera@demo.test (may only look). The password is ${password}\n\n`,
  );
}

start().catch((error: unknown) => {
  process.stderr.write(`\n${explain(error)}\n`);
  process.exit(1);
});
