import type { Page, WebSocketRoute } from 'playwright';
import { describe, expect, test } from 'vitest';
import { demoStage } from '#tests/support/stage.ts';

const demo = demoStage();

const { open } = demo;

/** Keeps back what the server sends over the socket, from the next connection on, until it is let go. */
async function holdSocket(page: Page): Promise<() => void> {
  let isHeld = true;
  const waiting: (() => void)[] = [];
  await page.routeWebSocket(/socket\.io/, (line: WebSocketRoute) => {
    const far = line.connectToServer();
    far.onMessage((message) => {
      if (isHeld) waiting.push(() => line.send(message));
      else line.send(message);
    });
  });
  return () => {
    isHeld = false;
    for (const send of waiting.splice(0)) send();
  };
}

const screens = [
  { path: 'deals', filled: '[data-deal-id]' },
  { path: 'customers', filled: '.ctable' },
] as const;
const loading = (page: Page) => page.locator('main [role=status]', { hasText: 'Loading' });

describe.each(screens)('the screen of $path', ({ path, filled }) => {
  test('is a skeleton while its rows are on the way', async () => {
    const { page, close } = await open('anna@demo.test');
    const letGo = await holdSocket(page);
    await page.goto(`${demo.server.url}/o/demo/${path}`);
    await loading(page).waitFor();
    expect(await page.locator(filled).count()).toBe(0);
    letGo();
    await page.locator(filled).first().waitFor();
    expect(await loading(page).count()).toBe(0);
    await close();
  });

  test('says when the server cannot be reached, and comes by itself when it can again', async () => {
    const { page, close } = await open('anna@demo.test');
    const letGo = await holdSocket(page);
    await page.goto(`${demo.server.url}/o/demo/${path}`);
    await loading(page).waitFor();
    await page.context().setOffline(true);
    const alert = page.locator('main').getByRole('alert');
    await alert.getByText('The server cannot be reached').waitFor();
    await alert.getByRole('button', { name: 'Try again' }).waitFor();
    letGo();
    await page.context().setOffline(false);
    await page.locator(filled).first().waitFor();
    expect(await alert.count()).toBe(0);
    await close();
  });

  test('says so to whoever may not see it, also when the right is taken from an open screen', async () => {
    const { page, close } = await open('vera@demo.test');
    await page.goto(`${demo.server.url}/o/demo/${path}`);
    await page.locator(filled).first().waitFor();
    const { rows } = await demo.admin.query<{ id: string; access: unknown }>(
      `select r.id, r.access from crm.roles r join crm.members m on m.role_id = r.id
       where m.email = 'vera@demo.test' or m.user_id = (select id from platform.users where email = 'vera@demo.test')`,
    );
    const [role] = rows;
    await demo.admin.query(
      `update crm.roles set access = access #- array[$2, 'view'] where id = $1`,
      [role?.id, path],
    );
    await page.locator('main .empty h2').waitFor();
    expect(await page.locator(filled).count()).toBe(0);
    await demo.admin.query('update crm.roles set access = $2 where id = $1', [
      role?.id,
      JSON.stringify(role?.access),
    ]);
    await page.locator(filled).first().waitFor();
    await close();
  });
});

describe('an organization of nothing', () => {
  test('shows how to begin, on the board and among the customers', async () => {
    const context = await demo.browser.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    await page.goto(`${demo.server.url}/sign-up`);
    await page.fill('[name=organization]', 'New here');
    await page.fill('[name=name]', 'Nina');
    await page.fill('[name=email]', 'nina@example.test');
    await page.fill('[name=password]', 'a long enough one');
    await page.click('button.primary');
    await page.waitForURL('**/o/new-here/deals');
    await page.locator('.first').getByRole('button').first().waitFor();
    expect(await page.locator('[data-deal-id]').count()).toBe(0);
    await page.goto(`${demo.server.url}/o/new-here/customers`);
    await page.locator('main .empty').getByRole('button').click();
    await page.getByRole('dialog').waitFor();
    await context.close();
  });

  test('a filter that nothing fits offers to be cleared', async () => {
    const { page, close } = await open('anna@demo.test');
    for (const { path, filled } of screens) {
      await page.goto(`${demo.server.url}/o/demo/${path}?q=nothing-is-called-so`);
      await page.locator('main .empty').getByRole('button').click();
      await page.locator(filled).first().waitFor();
    }
    await close();
  });
});

describe('the panel', () => {
  const nobody = '01980000-0000-7000-8000-000000000000';

  test('is a skeleton while the deal is on the way, and says so when the line is lost', async () => {
    const { page, close } = await open('anna@demo.test');
    const { rows } = await demo.admin.query<{ id: string }>(
      `select d.id from crm.deals d join crm.organizations o on o.id = d.organization_id
       where o.slug = 'demo' and d.state = 'won' limit 1`,
    );
    const closed = rows[0]?.id ?? '';
    let isDeaf = true;
    await page.routeWebSocket(/socket\.io/, (opened) => {
      const far = opened.connectToServer();
      // What is asked of this one deal is lost on the way.
      opened.onMessage((message) =>
        far.send(isDeaf ? String(message).replace(/,?"deal\/[^"]+"/, '') : message),
      );
    });
    await page.goto(`${demo.server.url}/o/demo/deals?deal=${closed}`);
    const panel = page.locator('.peek');
    await panel.locator('[role=status][aria-label=Loading]').waitFor();
    await page.locator('[data-deal-id]').first().waitFor();
    isDeaf = false;
    await page.context().setOffline(true);
    await panel.getByText('The server cannot be reached').waitFor();
    await page.context().setOffline(false);
    await panel.locator('.stagebar').waitFor();
    await close();
  });

  test.each([
    { path: `deals?deal=${nobody}`, close: 'Close the deal' },
    { path: `customers?customer=${nobody}`, close: 'Close the customer' },
  ])('says that there is no such record and can be closed: $path', async ({ path }) => {
    const { page, close } = await open('anna@demo.test');
    await page.goto(`${demo.server.url}/o/demo/${path}`);
    const panel = page.locator('.peek');
    await panel.locator('.empty').getByRole('button').click();
    await expect.poll(() => panel.count()).toBe(0);
    await close();
  });

  test('says when the history cannot be had, and asks for it again', async () => {
    const { page, close } = await open('anna@demo.test');
    await page.route('**/trpc/timeline.ofRecord**', (route) => route.abort());
    await page.locator('[data-deal-id] a').first().click();
    const panel = page.locator('.peek');
    await panel.getByText('The history cannot be loaded now').waitFor();
    await page.unroute('**/trpc/timeline.ofRecord**');
    // By the keyboard: the composer at the foot of the panel may lie over it.
    await panel.getByRole('button', { name: 'Try again' }).press('Enter');
    await panel.locator('.tl-i').first().waitFor();
    await close();
  });
});
