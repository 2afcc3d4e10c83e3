import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { connect } from '#db/connect.ts';
import { serveDatabase } from '#db/database.ts';
import { FolderInUse } from '#db/embedded.ts';
import { migrate, newestMigration } from '#db/migrate.ts';
import { RolesMissing } from '#db/roles.ts';
import { setApp } from './app.ts';
import {
  type Config,
  ConfigError,
  DEFAULT_DEMO_PASSWORD,
  prepareKit,
  readConfig,
} from './config.ts';
import { databaseCheck, Health } from './health.ts';
import { createHttpServer, type Mount } from './http.ts';
import { createLog } from './log.ts';
import { collectProcessMetrics } from './metrics.ts';
import { createPages } from './pages.ts';

const isDev = process.argv.includes('--dev');
const HARD_EXIT_MS = 25_000;

async function start(): Promise<void> {
  const config = readConfig();
  const log = createLog(config);
  const database = await serveDatabase({ ...config, log });
  await migrate({ url: database.url, log });
  const { pool, db, close } = connect({
    url: config.databaseAppUrl ?? database.url,
    max: 20,
    name: `syncline ${process.pid}`,
  });
  setApp({ config, log, pool, db });
  collectProcessMetrics(pool);
  const health = new Health({ database: databaseCheck(pool, await newestMigration()) });
  const mounts: Mount[] = [];
  const server = createHttpServer({ config, log, health, mounts });
  const pages = await createPages({ server, isDev });
  mounts.push({ path: '/', handle: pages.handle });
  await listen(server, config);
  announce(config, server);

  const stop = once(async (signal: string) => {
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), HARD_EXIT_MS).unref();
    health.isDraining = true;
    // A balancer needs a moment to notice that this node takes no more requests.
    if (config.trustProxy > 0) await sleep(5000);
    await closeServer(server);
    await pages.close();
    await close();
    await database.stop();
    log.info({}, 'stopped');
    process.exit(0);
  });
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
}

function listen(server: Server, { port, host }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

function once(run: (signal: string) => Promise<void>): (signal: string) => Promise<void> {
  let running: Promise<void> | undefined;
  return (signal) => (running ??= run(signal));
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

/** What the person who starts the program can mend is said plainly; anything else with its stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return `A setting is wrong.\n${error.message}`;
  if (error instanceof FolderInUse || error instanceof RolesMissing) return error.message;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}\nAnother program has this port: stop it, or set PORT.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

start().catch((error: unknown) => {
  process.stderr.write(`\n${explain(error)}\n`);
  process.exit(1);
});
