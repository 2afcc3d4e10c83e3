import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { createDatabase } from '#tests/support/database.ts';
import { freePort, startProgram } from '#tests/support/server.ts';

test('nodes that start at once on an empty database make it ready together', async () => {
  await using used = new AsyncDisposableStack();
  const base = await createDatabase(inject('postgresUrl'), { template: 'template0' });
  used.defer(() => base.drop());
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-start-'));
  used.defer(() => rm(dataDir, { recursive: true, force: true }));
  await Promise.all(
    ['web', 'web', 'jobs'].map(async (ROLES) => {
      const env = { DATABASE_URL: base.url, DATA_DIR: dataDir, DEMO: '1', ROLES };
      const program = await startProgram({ port: await freePort(), env });
      used.defer(async () => expect(await program.end('SIGTERM')).toBe(0));
    }),
  );
  const client = new pg.Client(base.url);
  await client.connect();
  used.defer(() => client.end());
  const { rows } = await client.query(
    `select (select count(*)::int from crm.organizations where slug = 'demo') as demos,
      (select run::int from platform.jobs where name = 'tidy') as runs`,
  );
  expect(rows).toEqual([{ demos: 1, runs: 1 }]);
});
