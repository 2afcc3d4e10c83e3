import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { connect, connectAsOwner, type Connection } from '#db/connect.ts';
import { TEMPLATE } from '#tests/support/postgres.ts';

export interface TestDatabase extends Pick<Connection, 'pool' | 'db'> {
  /** The superuser's address of this database. */
  url: string;
  /** Past row security, as an administrator in psql is. `pool` and `db` are the application's. */
  owner: Pick<Connection, 'pool' | 'db'>;
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A migrated database of this test's own. */
export async function freshDatabase(): Promise<TestDatabase> {
  const { url, drop: dropBase } = await createDatabase(inject('postgresUrl'));
  const app = connect({ url, name: 'syncline test' });
  const owner = connectAsOwner({ url, name: 'syncline test owner' });
  const drop = async () => {
    await Promise.all([app.close(), owner.close()]);
    await dropBase();
  };
  return { url, ...app, owner, drop, [Symbol.asyncDispose]: drop };
}

/** A copy of the migrated template, with nothing connected to it. */
export async function createDatabase(
  serverUrl: string,
  { template = TEMPLATE, name = `test_${randomBytes(6).toString('hex')}` } = {},
): Promise<{ url: string; allow(connections: boolean): Promise<void>; drop(): Promise<void> }> {
  await ask(serverUrl, `create database ${name} template ${template}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async allow(connections) {
      await ask(serverUrl, `alter database ${name} allow_connections ${connections}`);
      const others = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`;
      if (!connections) await ask(serverUrl, others);
    },
    drop: () => ask(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

async function ask(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
