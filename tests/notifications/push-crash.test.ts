import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { openAs } from '#tests/support/person.ts';
import { newBrowser, openPushService, type TestBrowser } from '#tests/support/push-service.ts';
import { freePort, startProgram, startServer } from '#tests/support/server.ts';

test('of two processes each push is one’s, and what one had under way when it was killed the other sends again as it was', async () => {
  await using service = await openPushService();
  const shared = {
    PUSH_TEST_SERVICE: service.origin,
    VAPID_PRIVATE_KEY: randomBytes(32).toString('base64url'),
  };
  await using server = await startServer({ demo: true, env: shared });
  const admin = new pg.Client({ connectionString: server.databaseUrl });
  await admin.connect();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-worker-'));
  const worker = await startProgram({
    port: await freePort(),
    env: {
      ...{ ...shared, DATABASE_URL: server.databaseUrl, DATA_DIR: dataDir },
      ...{ DEMO: '0', ROLES: 'jobs' },
    },
  });
  const anna = await openAs(server.url, 'anna@demo.test');
  try {
    const browsers = Array.from({ length: 6 }, (_, at) => newBrowser(service, `/browser${at}`));
    const boris = await switchedOn(admin, browsers);
    const [pipeline] = (await anna.live.api.call.pipelines.list.query({ isDefault: true })).items;
    const { stages } = await anna.live.api.call.pipelines.get.query({ id: pipeline?.id ?? '' });
    const give = (title: string) =>
      anna.live.api.call.deals.create.mutate({
        ...{ id: newId(), title, ownerId: boris, rank: 'a0', currency: 'EUR' },
        ...{ pipelineId: pipeline?.id ?? '', stageId: stages[0]?.id ?? '' },
      });
    const told = (browser: TestBrowser) =>
      service.came
        .filter((came) => came.path === browser.path)
        .map((came) => ({ ...browser.read(came), topic: came.headers['topic'] }));
    const left = async () =>
      (await admin.query('select notification_id from crm.notification_pushes')).rows.length;

    for (let count = 0; count < 10; count += 1) await give(`Deal ${count}`);
    const titles = (browser: TestBrowser) =>
      told(browser).flatMap(({ title, text }) =>
        title.startsWith('Deal') ? [title] : text.split(', '),
      );
    const all = Array.from({ length: 10 }, (_, count) => `Deal ${count}`);
    await expect
      .poll(() => browsers.map((one) => titles(one).length), { timeout: 30_000 })
      .toEqual(browsers.map(() => 10));
    await expect.poll(left).toBe(0);
    for (const browser of browsers) expect(titles(browser).sort()).toEqual(all);

    service.came.length = 0;
    for (const { path: place } of browsers) service.manners.set(place, () => undefined);
    await give('Mill');
    await expect.poll(() => service.came.length, { timeout: 30_000 }).toBe(browsers.length);
    await server.kill();
    await worker.end('SIGKILL');
    service.manners.clear();
    // What a minute would do.
    await admin.query('update platform.push_subscriptions set leased_until = now()');
    await server.restart();
    await expect.poll(left, { timeout: 30_000 }).toBe(0);
    for (const browser of browsers) {
      const [first, ...again] = told(browser);
      expect(again).toEqual([first]);
      expect(first?.title).toBe('Mill');
    }
  } finally {
    anna.leave();
    await admin.end();
    await worker.end('SIGKILL');
    await rm(dataDir, { recursive: true });
  }
}, 120_000);

/** Boris has signed in with all of these; answers his member id. */
async function switchedOn(admin: pg.Client, browsers: TestBrowser[]): Promise<string> {
  for (const { subscription } of browsers) {
    await admin.query(
      `with session as (
         insert into platform.sessions (id_hash, user_id, expires_at)
         select $1::bytea, id, now() + interval '1 day' from platform.users where email = 'boris@demo.test'
         returning id_hash, user_id)
       insert into platform.push_subscriptions (user_id, session_hash, endpoint, p256dh, auth)
       select user_id, id_hash, $2, $3, $4 from session`,
      [randomBytes(32), subscription.endpoint, subscription.p256dh, subscription.auth],
    );
  }
  const { rows } = await admin.query<{ id: string }>(
    `select m.id from crm.members m join platform.users u on u.id = m.user_id
     where u.email = 'boris@demo.test' and m.organization_id = (select id from crm.organizations where slug = 'demo')`,
  );
  return rows[0]?.id ?? '';
}
