import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findEmbedded } from '#db/embedded.ts';

/** Ends the embedded Postgres of a data folder as a power cut does: what was not on disk is gone. */
export async function killPostgres(dataDir: string): Promise<void> {
  process.kill(await postmaster(dataDir), 'SIGKILL');
}

async function postmaster(dataDir: string): Promise<number> {
  const file = path.join(dataDir, 'postgres', 'cluster', 'postmaster.pid');
  for (;;) {
    const [pid] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    if (pid) return Number(pid);
    await sleep(20);
  }
}

/** Asks the embedded Postgres of a data folder as its superuser, on a connection for this alone. */
export async function askEmbedded<Row extends pg.QueryResultRow>(
  dataDir: string,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client((await findEmbedded(dataDir))?.url ?? '');
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}
