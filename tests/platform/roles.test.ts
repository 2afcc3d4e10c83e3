import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { RolesMissing } from '#db/roles.ts';
import { createDatabase } from '#tests/support/database.ts';
import { startServer } from '#tests/support/server.ts';

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('a login that may not make roles is told what to run, and after that needs no more rights', async () => {
  await using login = await makeLogin();
  await using base = await emptyDatabase(login.name);
  const url = login.addressOf(base.url);

  const refusal = await migrate({ url, log: QUIET }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(RolesMissing);
  const script = (refusal as Error).message.split('\n\n').at(1) ?? '';
  expect(script).toContain(`grant syncline_owner, syncline_log, syncline_app to ${login.name};`);

  await asSuperuser(base.url, script);
  expect(await migrate({ url, log: QUIET })).toContain('0001_sync.sql');
  expect(await migrate({ url, log: QUIET })).toEqual([]);
});

test('the server runs on a login of its own that can be nothing but the application', async () => {
  await using web = await makeLogin();
  await asSuperuser(inject('postgresUrl'), `grant syncline_app to ${web.name}`);
  await using server = await startServer({
    env: ({ DATABASE_URL }) => ({ DATABASE_APP_URL: web.addressOf(DATABASE_URL) }),
  });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  const { rows } = await asSuperuser(
    server.databaseUrl,
    `select distinct usename from pg_stat_activity
     where application_name ~ '^syncline [0-9]+$' and datname = current_database()`,
  );
  expect(rows).toEqual([{ usename: web.name }]);
});

async function makeLogin() {
  const server = inject('postgresUrl');
  const name = `login_${randomBytes(4).toString('hex')}`;
  await asSuperuser(server, `create role ${name} login password 'secret'`);
  return {
    name,
    addressOf(url: string): string {
      return Object.assign(new URL(url), { username: name, password: 'secret' }).href;
    },
    [Symbol.asyncDispose]: async () => void (await asSuperuser(server, `drop role ${name}`)),
  };
}

async function emptyDatabase(owner: string) {
  const base = await createDatabase(inject('postgresUrl'), { template: 'template0' });
  const name = new URL(base.url).pathname.slice(1);
  await asSuperuser(inject('postgresUrl'), `alter database ${name} owner to ${owner}`);
  return { url: base.url, [Symbol.asyncDispose]: base.drop };
}

async function asSuperuser(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}
