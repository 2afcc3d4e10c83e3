import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { fingerprint } from '#server/auth/secrets.ts';
import { endSession, endSignIns, startSession } from '#server/auth/sessions.ts';
import { readConfig, type Config } from '#server/config.ts';
import { isPublicAddress, isPushEndpoint } from '#server/notifications/push-address.ts';
import { pushKey } from '#server/notifications/push-key.ts';
import { outcomeOf, postPush } from '#server/notifications/push-post.ts';
import { Pusher } from '#server/notifications/pusher.ts';
import { notifications } from '#server/notifications/reader.ts';
import { appRouter } from '#server/router.ts';
import { newDeal, startTeam, type Board, type Somebody } from '#tests/features/team.ts';
import { running } from '#tests/readers/reading.ts';
import {
  newBrowser,
  openPushService,
  senderOf,
  type PushService,
} from '#tests/support/push-service.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let reading: Awaited<ReturnType<typeof running>>;
let service: PushService;
let config: Config;
let board: Board;
let ann: Somebody;
let bob: Somebody;
let dataDir: string;
const pushers: Pusher[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-push-'));
  [team, service] = await Promise.all([startTeam(), openPushService()]);
  config = readConfig({
    DEMO: '0',
    DATA_DIR: dataDir,
    SECRET_KEYS: 'x'.repeat(32),
    PUSH_TEST_SERVICE: service.origin,
  });
  reading = await running(team.database.url, [notifications]);
  board = await team.board();
  [ann, bob] = [await team.join('manager'), await team.join('sales', 'North')];
  startPusher();
});
beforeEach(async () => {
  await sql('delete from crm.notifications');
  await sql('delete from crm.notification_preferences');
  await sql('delete from platform.push_subscriptions');
  service.came.length = 0;
  service.manners.clear();
});
afterAll(async () => {
  await Promise.all(pushers.map((one) => one.stop()));
  await reading[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await team[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true });
});

const sql = (statement: string) => team.database.owner.pool.query(statement);
const app = () => ({ ...team.app, config });

function startPusher() {
  const pusher = new Pusher(app(), team.database.owner.pool);
  pushers.push(pusher);
  pusher.start();
}

/** Somebody's browser that is signed in, and a caller of its own. */
async function signIn({ userId }: Somebody) {
  const cookie = await startSession(app(), { userId, userAgent: null, ip: null });
  const sessionHash = fingerprint(cookie.value).toString('hex');
  const identity = { userId, via: 'session' as const, sessionHash };
  const caller = appRouter.createCaller({
    ...{ app: app(), requestId: 'test', ip: '198.51.100.7', identity },
    ...{ member: undefined, mutationId: undefined },
  });
  return { userId, sessionHash, caller };
}

let browsers = 0;
async function browserOf(who: Somebody) {
  browsers += 1;
  const browser = newBrowser(service, `/browser${browsers}`);
  const signedIn = await signIn(who);
  await signedIn.caller.notifications.startPush(browser.subscription);
  return { ...browser, ...signedIn };
}

const give = async (title: string) =>
  newDeal(await team.as(ann), board, { title, ownerId: bob.memberId });
const cameTo = (browser: { path: string }) =>
  service.came.filter((one) => one.path === browser.path);
const waiting = async () =>
  (await sql('select notification_id from crm.notification_pushes')).rows.length;
const kept = async () =>
  (await sql('select endpoint from platform.push_subscriptions order by 1')).rows.map(
    ({ endpoint }) => new URL(endpoint).pathname,
  );
/** Until the log is read and nothing waits any more. */
async function settled() {
  await reading.settle();
  await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
}

test('a push says what was given to whom, encrypted and signed, once for each browser', async () => {
  const [desk, phone] = [await browserOf(bob), await browserOf(bob)];
  const { id } = await give('Mill');
  await settled();
  for (const browser of [desk, phone]) {
    const [came, ...more] = cameTo(browser);
    if (!came) throw new Error('Nothing came');
    expect(more).toEqual([]);
    expect(came.body.toString('latin1')).not.toContain('Mill');
    expect(browser.read(came)).toEqual({
      title: 'Mill',
      text: expect.stringContaining('makes you the owner'),
      path: expect.stringMatching(new RegExp(`^/o/[^/]+/inbox\\?open=${id}$`)),
      tag: expect.any(String),
    });
    expect(came.headers).toMatchObject({ 'content-encoding': 'aes128gcm', ttl: '86400' });
    const { publicKey, subject } = pushKey(config);
    const sender = await senderOf(came, publicKey);
    expect(sender).toMatchObject({ aud: service.origin, sub: subject });
    expect((sender.exp ?? 0) * 1000).toBeLessThan(Date.now() + 24 * 3_600_000 + 1_000);
  }
});

test('nobody is pushed his own act, what he does not want, or what he reads only later', async () => {
  const [mine, his] = [await browserOf(ann), await browserOf(bob)];
  const calls = await team.as(bob);
  await calls.notifications.prefer({
    id: newId(),
    kinds: { assigned: { app: true, email: false, push: false } },
  });
  await give('Mill');
  await settled();
  expect(service.came).toEqual([]);
  await calls.notifications.prefer({
    id: newId(),
    kinds: { assigned: { app: false, email: false, push: true } },
  });
  await give('Oven');
  await settled();
  expect(cameTo(his)).toHaveLength(1);
  expect(cameTo(mine)).toEqual([]);
});

test('quiet hours hold pushes back, which then come as one; a digest does not', async () => {
  const browser = await browserOf(bob);
  const calls = await team.as(bob);
  const hour = (offset: number) =>
    new Date(Date.now() + offset * 3_600_000).toISOString().slice(11, 16);
  await calls.notifications.prefer({
    ...{ id: newId(), timeZone: 'UTC', digest: 'weekly' },
    ...{ quietFrom: hour(-2), quietTo: hour(2) },
  });
  await give('Mill');
  await give('Oven');
  await reading.settle();
  expect(await waiting()).toBe(2);
  const due = await sql('select min(due_at) > now() as later from crm.notification_pushes');
  expect(due.rows).toEqual([{ later: true }]);
  await sql('update crm.notification_pushes set due_at = now()');
  await settled();
  const [came, ...more] = cameTo(browser);
  expect(more).toEqual([]);
  expect(came && browser.read(came)).toMatchObject({
    title: '2 notifications',
    text: 'Mill, Oven',
  });
  await calls.notifications.prefer({ id: newId(), quietFrom: null, quietTo: null });
  await give('Fridge');
  await settled();
  expect(cameTo(browser)).toHaveLength(2);
});

test('what was read by then is not pushed, nor what is out of sight, however far its reader has come', async () => {
  const browser = await browserOf(bob);
  await sql(`update platform.push_subscriptions set leased_until = now() + interval '1 hour'`);
  await give('Read');
  await reading.settle();
  await (await team.as(bob)).notifications.readAll({ upTo: Date.now() + 1_000 });
  const { id } = await give('Gone');
  await reading.settle();
  expect(await waiting()).toBe(2);
  // The right goes, and the reader who takes away what was told does not know of it yet.
  await sql(`set session_replication_role = replica; update crm.deals set owner_id = '${ann.memberId}',
    team_id = null where id = '${id}'; reset session_replication_role`);
  await sql(`update platform.push_subscriptions set leased_until = now()`);
  await settled();
  expect(cameTo(browser)).toEqual([]);
});

test('a browser is reached as long as the sign-in, and by its own person alone', async () => {
  const [first, second, third] = [await browserOf(bob), await browserOf(bob), await browserOf(bob)];
  await endSession(app(), first);
  expect(await kept()).toEqual([second.path, third.path].sort());
  await endSignIns(app(), { userId: bob.userId, except: third.sessionHash });
  expect(await kept()).toEqual([third.path]);
  const { endpoint } = third.subscription;
  const state = async (who: typeof third) =>
    (await who.caller.notifications.pushState({ endpoint })).isOn;
  const other = { ...third, ...(await signIn(ann)) };
  expect([await state(third), await state(other)]).toEqual([true, false]);
  await other.caller.notifications.stopPush({ endpoint });
  expect(await kept()).toEqual([third.path]);
  // Somebody else has sat down at the same browser.
  await other.caller.notifications.startPush(third.subscription);
  expect([await state(third), await state(other)]).toEqual([false, true]);
  await give('Mill');
  await settled();
  expect(service.came).toEqual([]);
  await other.caller.notifications.stopPush({ endpoint });
  expect(await kept()).toEqual([]);
});

test('ten browsers of one person are kept, and the oldest gives way', async () => {
  const all = [];
  for (let count = 0; count < 12; count += 1) all.push(await browserOf(bob));
  expect(await kept()).toEqual(
    all
      .slice(2)
      .map((one) => one.path)
      .sort(),
  );
});

test('one that hangs, breaks off or fails does not hold up the others, and is tried again later', async () => {
  const hanging = await Promise.all([browserOf(bob), browserOf(bob)]);
  const [resetting, failing, limited] = [
    await browserOf(bob),
    await browserOf(bob),
    await browserOf(bob),
  ];
  const [gone, refusing, odd, good] = [
    await browserOf(bob),
    await browserOf(bob),
    await browserOf(bob),
    await browserOf(bob),
  ];
  for (const one of hanging) service.manners.set(one.path, () => undefined);
  service.manners.set(resetting.path, (response, times) =>
    times > 1 ? response.writeHead(201).end() : response.destroy(),
  );
  service.manners.set(failing.path, (response) =>
    response.writeHead(500).end('x'.repeat(1_000_000)),
  );
  service.manners.set(limited.path, (response) =>
    response.writeHead(429, { 'retry-after': '3600' }).end(),
  );
  service.manners.set(gone.path, (response) => response.writeHead(410).end());
  service.manners.set(refusing.path, (response) => response.writeHead(403).end());
  service.manners.set(odd.path, (response) => response.writeHead(413).end());
  await give('Mill');
  await reading.settle();
  await expect.poll(() => cameTo(good).length, { timeout: 20_000 }).toBe(1);
  await give('Oven');
  await reading.settle();
  // The second one comes while the first still hangs elsewhere.
  await expect.poll(() => cameTo(good).length, { timeout: 20_000 }).toBe(2);
  expect(cameTo(hanging[0])).toHaveLength(1);
  await expect.poll(kept, { timeout: 20_000 }).not.toContain(gone.path);
  await expect.poll(kept, { timeout: 20_000 }).not.toContain(refusing.path);
  await expect.poll(() => cameTo(odd).length, { timeout: 20_000 }).toBe(2);
  await expect.poll(() => cameTo(resetting).length, { timeout: 20_000 }).toBeGreaterThan(1);
  const failed = async () =>
    (
      await sql(`select endpoint, failures, leased_until - now() > interval '50 minutes' as long
      from platform.push_subscriptions where failures > 0`)
    ).rows;
  await expect
    .poll(failed, { timeout: 20_000 })
    .toContainEqual({ endpoint: limited.subscription.endpoint, failures: 1, long: true });
  await expect.poll(failed, { timeout: 20_000 }).toContainEqual({
    ...{ endpoint: failing.subscription.endpoint, long: false },
    failures: expect.any(Number) as number,
  });
  expect(cameTo(limited)).toHaveLength(1);
}, 60_000);

test('a push that may have gone is sent again as the same one, with what it had', async () => {
  const browser = await browserOf(bob);
  // As if the node had died before it could say so; meanwhile there is more to tell.
  service.manners.set(browser.path, () => undefined);
  await give('Mill');
  await reading.settle();
  await expect.poll(() => cameTo(browser).length, { timeout: 20_000 }).toBe(1);
  await give('Oven');
  await reading.settle();
  service.manners.clear();
  await sql('update platform.push_subscriptions set leased_until = now()');
  await settled();
  const said = cameTo(browser).map((came) => ({
    ...browser.read(came),
    topic: came.headers['topic'],
  }));
  expect(said.map(({ title }) => title)).toEqual(['Mill', 'Mill', 'Oven']);
  expect(said[1]).toEqual(said[0]);
  expect(said[2]?.tag).not.toBe(said[0]?.tag);
}, 60_000);

test('two nodes send everything once, also where the log is read again', async () => {
  startPusher();
  const all = await Promise.all(Array.from({ length: 8 }, () => browserOf(bob)));
  for (let count = 0; count < 12; count += 1) await give(`Deal ${count}`);
  await settled();
  const told = all.map((browser) =>
    cameTo(browser)
      .map((came) => browser.read(came))
      .flatMap(({ title, text }) =>
        /^\d+ notifications$/.test(title) ? text.split(', ') : [title],
      )
      .sort(),
  );
  const once = Array.from({ length: 12 }, (_, count) => `Deal ${count}`).sort();
  expect(told).toEqual(all.map(() => once));
  service.came.length = 0;
  await sql(`update sync.reader_cursors set pos = pos - 5
    where reader = 'notifications' and organization_id = '${bob.organizationId}'`);
  await give('Last');
  await settled();
  expect(all.flatMap((browser) => cameTo(browser).map((came) => browser.read(came).title))).toEqual(
    all.map(() => 'Last'),
  );
}, 60_000);

test('this server cannot be made to look into its own network', async () => {
  const names = [
    'http://push.example.com/x',
    'https://push.example.com:8443/x',
    'https://me@push.example.com/x',
    'https://127.0.0.1/x',
    'https://[::1]/x',
    'https://2130706433/x',
    'https://93.184.216.34/x',
    'ftp://push.example.com/x',
    'nothing',
  ];
  expect(names.filter((one) => isPushEndpoint(one, config))).toEqual([]);
  expect(isPushEndpoint('https://fcm.googleapis.com/fcm/send/x', config)).toBe(true);
  expect(isPushEndpoint(`${service.origin}/x`, { pushTestService: undefined })).toBe(false);
  const inside = [
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
  ];
  const more = [
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
  ];
  expect([...inside, ...more].filter(isPublicAddress)).toEqual([]);
  expect(['8.8.8.8', '2607:f8b0::1'].filter(isPublicAddress)).toHaveLength(2);
  const { caller } = await signIn(bob);
  const { subscription } = newBrowser(service, '/x');
  const inner = { ...subscription, endpoint: 'https://192.168.0.1/x' };
  await expect(caller.notifications.startPush(inner)).rejects.toThrow('BAD_INPUT');
  // A name may lead there at any later moment, so that is looked at when the connection is made.
  const { endpoint, ...keys } = { ...subscription, endpoint: 'https://localhost/x' };
  expect(isPushEndpoint(endpoint, config)).toBe(true);
  const sent = await postPush(
    { endpoint, keys, topic: 'x', payload: '{}' },
    { key: pushKey(config), config },
  );
  expect(sent).toMatchObject({ outcome: { is: 'gone' } });
  expect(String(sent.error)).toContain('not a public address');
});

test('a service says in seconds or by a date when to come again, and is believed for a day at most', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  const after = (retryAfter: string | undefined) => outcomeOf({ status: 503, retryAfter }, now);
  expect(after('120')).toEqual({ is: 'again', after: 120 });
  expect(after('Fri, 20 Nov 2026 12:05:00 GMT')).toEqual({ is: 'again', after: 300 });
  expect(after('99999999')).toEqual({ is: 'again', after: 86_400 });
  for (const odd of [undefined, '', 'soon', '-5'])
    expect(after(odd)).toEqual({ is: 'again', after: 0 });
});

test('the key is made once, kept for this user alone, and the private half is told to nobody', async () => {
  const { caller } = await signIn(bob);
  const { publicKey } = await caller.notifications.pushState({});
  const { privateKey } = pushKey(config);
  expect(pushKey(config).publicKey).toBe(publicKey);
  expect(Buffer.from(publicKey, 'base64url')).toHaveLength(65);
  expect(publicKey).not.toContain(privateKey);
  const { rows } = await sql(`select count(*)::int as count from sync.change_log
    where entity like '%ush%' or after::text like '%/browser%'`);
  expect(rows).toEqual([{ count: 0 }]);
});
