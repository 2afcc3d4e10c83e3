import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Log } from '#db/embedded.ts';
import { ensureRoles } from '#db/roles.ts';

interface Migration {
  name: string;
  sql: string;
  hash: string;
}

const FOLDER = new URL('./migrations/', import.meta.url);
const MIGRATING = 7_390_154_022;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Brings the database to this version: the plain SQL files of db/migrations, in order, each in one
 * transaction. Of several processes that start together one migrates and the others wait for it.
 * Returns the names of the migrations that ran. Throws RolesMissing; throws when an applied file has
 * been changed since, or when the database is newer than this program.
 */
export async function migrate({ url, log }: { url: string; log: Log }): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'syncline migrate' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATING]);
    await ensureRoles(client);
    await client.query(`
      create schema if not exists platform authorization syncline_owner;
      set role syncline_owner;
      create table if not exists platform.migrations (
        name text primary key, hash text not null, at timestamptz not null default now());
      grant usage on schema platform to syncline_app;
      grant select on platform.migrations to syncline_app;
      reset role`);
    const waiting = await findWaiting(client);
    for (const migration of waiting) {
      const began = Date.now();
      await apply(client, migration);
      log.info({ migration: migration.name, ms: Date.now() - began }, 'migrated');
    }
    // Migrations grant whole schemas; what has run is not for the application to write.
    await client.query('revoke insert, update, delete on platform.migrations from syncline_app');
    return waiting.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** The newest migration this program knows; the database must have it before people are let in. */
export async function newestMigration(): Promise<string> {
  return (await readMigrations()).at(-1)?.name ?? '';
}

async function findWaiting(client: pg.Client): Promise<Migration[]> {
  const known = await readMigrations();
  const { rows } = await client.query<{ name: string; hash: string }>(
    'select name, hash from platform.migrations order by name',
  );
  for (const { name, hash } of rows) {
    const file = known.find((migration) => migration.name === name);
    if (!file) throw new Error(`The database is newer than this program: it has ${name}.`);
    if (file.hash !== hash) {
      throw new Error(`Migration ${name} was changed after this database had run it.`);
    }
  }
  return known.filter(({ name }) => !rows.some((row) => row.name === name));
}

async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    files.map(async (name) => {
      const sql = await readFile(new URL(name, FOLDER), 'utf8');
      return { name, sql, hash: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

// A change of a busy table waits two seconds for its lock and lets others pass before it tries again.
async function apply(client: pg.Client, { name, sql, hash }: Migration): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.query('begin');
      await client.query(`set local lock_timeout = '2s'`);
      await client.query(sql);
      await client.query('reset role');
      await client.query('set local role syncline_owner');
      await client.query('insert into platform.migrations (name, hash) values ($1, $2)', [
        name,
        hash,
      ]);
      await client.query('commit');
      return;
    } catch (error) {
      await client.query('rollback');
      const isBusy = error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE;
      if (!isBusy || tries === 20) throw new Error(`Migration ${name} failed`, { cause: error });
      await sleep(500);
    }
  }
}
