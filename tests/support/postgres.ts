import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '#db/embedded.ts';
import { migrate } from '#db/migrate.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
  }
}

const QUIET = { info: () => undefined, warn: console.warn, error: console.error };

export const TEMPLATE = 'syncline_template';

/** The Postgres of a whole test run, with a migrated template in it; gone when the run ends. */
export async function startTestPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-test-'));
  // Open to the user whom root runs Postgres as; else the cluster would stand, and stay, elsewhere.
  await chmod(dataDir, 0o755);
  const embedded = await startEmbedded({ dataDir, log: QUIET });
  const client = new pg.Client(embedded.url);
  await client.connect();
  await client.query(`create database ${TEMPLATE}`);
  await client.end();
  await migrate({ url: embedded.url.replace(/\/syncline$/, `/${TEMPLATE}`), log: QUIET });
  return {
    url: embedded.url,
    async stop() {
      await embedded.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await startTestPostgres();
  project.provide('postgresUrl', url);
  return stop;
}
