import type { Browser, BrowserContext, Page, Worker } from 'playwright';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { openBrowser } from '#tests/support/browser.ts';
import { openAs, type Person } from '#tests/support/person.ts';
import {
  newBrowser,
  openPushService,
  type PushService,
  type TestBrowser,
} from '#tests/support/push-service.ts';
import { openBoard } from '#tests/support/screen.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

let service: PushService;
let server: TestServer;
let browser: Browser;
let admin: pg.Client;
let anna: Person;
let boris: string;

beforeAll(async () => {
  service = await openPushService();
  [server, browser] = await Promise.all([
    startServer({ demo: true, env: { PUSH_TEST_SERVICE: service.origin } }),
    openBrowser(),
  ]);
  admin = new pg.Client({ connectionString: server.databaseUrl });
  await admin.connect();
  anna = await openAs(server.url, 'anna@demo.test');
  const { rows } = await admin.query<{ id: string }>(
    `select m.id from crm.members m join platform.users u on u.id = m.user_id
     where u.email = 'boris@demo.test' and m.organization_id = (select id from crm.organizations where slug = 'demo')`,
  );
  boris = rows[0]?.id ?? '';
});
afterAll(async () => {
  anna.leave();
  await browser.close();
  await admin.end();
  await server.stop();
  await service[Symbol.asyncDispose]();
});

/** A browser without a vendor's push service behind it gets one that is here: `subscribe` is the vendor's. */
async function giveService(context: BrowserContext, { subscription }: TestBrowser): Promise<void> {
  await context.addInitScript((own) => {
    const bytes = (text: string) =>
      Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
        .buffer;
    const kept = () => sessionStorage.getItem('applicationServerKey');
    const made = () => ({
      endpoint: own.endpoint,
      options: { applicationServerKey: bytes(kept() ?? '') },
      getKey: (name: 'p256dh' | 'auth') => bytes(own[name]),
      unsubscribe: () => Promise.resolve(sessionStorage.removeItem('applicationServerKey')),
    });
    PushManager.prototype.subscribe = (options) => {
      sessionStorage.setItem('applicationServerKey', String(options?.applicationServerKey));
      return Promise.resolve(made() as unknown as PushSubscription);
    };
    PushManager.prototype.getSubscription = () =>
      Promise.resolve(kept() ? (made() as unknown as PushSubscription) : null);
  }, subscription);
}

async function openSettings(options = {}): Promise<{ page: Page; complaints: string[] }> {
  const { page, complaints } = await openBoard(browser, {
    ...{ url: server.url, email: 'boris@demo.test' },
    options: { locale: 'en-GB', ...options },
  });
  await page.goto(`${server.url}/o/demo/settings/notifications`);
  return { page, complaints };
}

const stateOn = (page: Page) =>
  page.locator('section', { hasText: 'This browser' }).getByRole('status');
const browsersKept = async () =>
  (await admin.query('select endpoint from platform.push_subscriptions')).rows.length;
const shownBy = (worker: Worker) =>
  worker.evaluate(async () => {
    const { registration } = globalThis.self as unknown as ServiceWorkerGlobalScope;
    const shown = await registration.getNotifications();
    return shown.map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }));
  });

/** Counts how often the worker has looked which windows there are: once for each push. */
async function countLooks(worker: Worker): Promise<() => Promise<number>> {
  type Counted = ServiceWorkerGlobalScope & { looks: number };
  await worker.evaluate(() => {
    const scope = globalThis.self as unknown as Counted;
    const look = scope.clients.matchAll.bind(scope.clients);
    scope.looks = 0;
    scope.clients.matchAll = (async (options: ClientQueryOptions) => {
      const found = await look(options);
      scope.looks += 1;
      return found;
    }) as typeof look;
  });
  return () => worker.evaluate(() => (globalThis.self as unknown as Counted).looks);
}

/**
 * Clicks what is shown, as nobody can in a browser without a screen: says which window the worker brought to
 * the front, or what it opened, both of which need a true click.
 */
async function clicksOn(worker: Worker) {
  type Noted = ServiceWorkerGlobalScope & { done: { opened?: string; focused?: string } };
  await worker.evaluate(() => {
    const scope = globalThis.self as unknown as Noted;
    scope.clients.openWindow = (path) => {
      scope.done = { opened: String(path) };
      return Promise.resolve(null);
    };
    WindowClient.prototype.focus = function (this: WindowClient) {
      scope.done = { focused: this.url };
      return Promise.resolve(this);
    };
  });
  return (path: string) =>
    worker.evaluate(async (to) => {
      const scope = globalThis.self as unknown as Noted;
      await scope.registration.showNotification('Click', { tag: 'click', data: { path: to } });
      const [notification] = await scope.registration.getNotifications({ tag: 'click' });
      if (!notification) throw new Error('Nothing is shown');
      const event = new NotificationEvent('notificationclick', { notification });
      const answered = new Promise((resolve) => {
        Object.assign(event, { waitUntil: resolve });
      });
      scope.dispatchEvent(event);
      await answered;
      return scope.done;
    }, path);
}

/** Hands a push to the worker as the browser does that has got it from its service. */
async function handOver(page: Page, origin: string): Promise<(data: string) => Promise<unknown>> {
  const session = await page.context().newCDPSession(page);
  const registered = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const ours = registrations.find(({ scopeURL }) => scopeURL.startsWith(origin));
      if (ours) resolve(ours.registrationId);
    });
  });
  await session.send('ServiceWorker.enable');
  const registrationId = await registered;
  return (data) =>
    session.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data });
}

/** As a person does in the browser's own settings for the site. */
async function allow(page: Page, setting: 'denied' | 'granted'): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { targetInfo } = await session.send('Target.getTargetInfo');
  const { browserContextId } = targetInfo;
  const permission = { name: 'notifications' };
  await session.send('Browser.setPermission', {
    ...{ permission, setting, origin: server.url },
    ...(browserContextId ? { browserContextId } : {}),
  });
}

async function give(title: string): Promise<void> {
  const { call } = anna.live.api;
  const [pipeline] = (await call.pipelines.list.query({ isDefault: true })).items;
  const { stages } = await call.pipelines.get.query({ id: pipeline?.id ?? '' });
  await call.deals.create.mutate({
    ...{ id: newId(), title, ownerId: boris, rank: 'a0', currency: 'EUR' },
    ...{ pipelineId: pipeline?.id ?? '', stageId: stages[0]?.id ?? '' },
  });
}

test('what is switched on by a click is shown while no window is in sight, and ends with the sign-in', async () => {
  const own = newBrowser(service, '/boris');
  const { page, complaints } = await openSettings({ permissions: ['notifications'] });
  const context = page.context();
  await giveService(context, own);
  await page.reload();
  await expect.poll(() => stateOn(page).textContent()).toContain('Off');
  expect(context.serviceWorkers()).toEqual([]);
  await page.getByRole('button', { name: 'Switch on' }).click();
  await expect.poll(() => stateOn(page).textContent()).toContain('On, until you sign out');
  expect(await browsersKept()).toBe(1);
  await page.reload();
  await expect.poll(() => stateOn(page).textContent()).toContain('On, until you sign out');

  await give('Mill for Boris');
  const found = () => service.came.find((came) => own.read(came).title === 'Mill for Boris');
  await expect.poll(() => found() !== undefined, { timeout: 20_000 }).toBe(true);
  const came = found();
  const said = came && own.read(came);
  expect(said).toMatchObject({ text: expect.stringContaining('назначает вас ответственным') });

  const [worker] = context.serviceWorkers();
  if (!worker) throw new Error('There is no worker');
  const aside = await context.newPage();
  await aside.goto('about:blank');
  const deliver = await handOver(aside, server.url);
  await page.bringToFront();
  const looks = await countLooks(worker);
  await deliver(JSON.stringify({ ...said, tag: 'in sight' }));
  await expect.poll(looks).toBe(1);
  await page.goto('about:blank');
  await deliver(JSON.stringify(said));
  // A second one of the same takes the place of the first.
  await deliver(JSON.stringify(said));
  const { title, text: body, tag, path } = said ?? { title: '', text: '', tag: '', path: '' };
  await expect.poll(() => shownBy(worker)).toEqual([{ title, body, tag, path }]);

  // Where there is no window of ours, a click opens one.
  const click = await clicksOn(worker);
  expect(await click(path)).toEqual({ opened: path });
  await page.goto(`${server.url}/o/demo/customers`);
  await page.locator('h1').first().waitFor();
  expect(await click(path)).toEqual({ focused: `${server.url}/o/demo/customers` });
  await page.waitForURL(`${server.url}${path}`);
  await expect.poll(() => page.locator('body').textContent()).toContain('Mill for Boris');
  // What is half written there stays.
  const reply = page.getByRole('textbox').last();
  await reply.fill('I will call th');
  expect(await click('/o/demo/inbox')).toEqual({ opened: '/o/demo/inbox' });
  expect([page.url(), await reply.inputValue()]).toEqual([server.url + path, 'I will call th']);
  expect(await click('/o/other/inbox')).toEqual({ opened: '/o/other/inbox' });
  await reply.fill('');
  await page.locator('header .me').click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.waitForURL('**/sign-in');
  expect(await browsersKept()).toBe(0);
  const workers = await page.evaluate(async () =>
    (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => scope),
  );
  expect(workers).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('the page says where the browser blocks it, or cannot do it at all', async () => {
  const { page } = await openSettings();
  await expect.poll(() => stateOn(page).textContent()).toContain('Off');
  await allow(page, 'denied');
  await expect.poll(() => stateOn(page).textContent()).toContain('blocks notifications');
  await allow(page, 'granted');
  await expect.poll(() => stateOn(page).textContent()).toContain('Off');
  await page.context().addInitScript(() => {
    Reflect.deleteProperty(globalThis, 'PushManager');
  });
  await page.reload();
  await expect.poll(() => stateOn(page).textContent()).toContain('shows no notifications');
  expect(await page.getByRole('button', { name: 'Switch on' }).count()).toBe(0);
  await page.context().close();
});

test('a service that is not reached is said so, and nothing is kept', async () => {
  const { page } = await openSettings({ permissions: ['notifications'] });
  await page.context().addInitScript(() => {
    PushManager.prototype.subscribe = () =>
      Promise.reject(new DOMException('push service error', 'AbortError'));
  });
  await page.reload();
  await page.getByRole('button', { name: 'Switch on' }).click();
  await expect
    .poll(() => page.locator('body').textContent())
    .toContain('does not reach its push service');
  await expect.poll(() => stateOn(page).textContent()).toContain('Off');
  expect(await browsersKept()).toBe(0);
  await page.context().close();
});
