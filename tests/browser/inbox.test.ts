import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { openBrowser } from '#tests/support/browser.ts';
import { openAs, type Person } from '#tests/support/person.ts';
import { openBoard, type Screen } from '#tests/support/screen.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

let server: TestServer;
let browser: Browser;
let admin: pg.Client;
let anna: Person;
let boris = '';
let pipeline = { id: '', lead: '', proposal: '' };

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer({ demo: true }), openBrowser()]);
  admin = new pg.Client({ connectionString: server.databaseUrl });
  await admin.connect();
  anna = await openAs(server.url, 'anna@demo.test');
  const { rows } = await admin.query<{ id: string }>(
    `select m.id from crm.members m join platform.users u on u.id = m.user_id
     where u.email = 'boris@demo.test' and m.organization_id = (select id from crm.organizations where slug = 'demo')`,
  );
  boris = rows[0]?.id ?? '';
  const stages = await admin.query<{ id: string; pipeline_id: string }>(
    `select s.id, s.pipeline_id from crm.stages s join crm.pipelines p on p.id = s.pipeline_id
     where p.is_default and s.kind = 'open' and p.organization_id = (select id from crm.organizations where slug = 'demo')
     order by s.position`,
  );
  const [lead, , proposal] = stages.rows;
  pipeline = {
    id: lead?.pipeline_id ?? '',
    lead: lead?.id ?? '',
    proposal: proposal?.id ?? '',
  };
});
beforeEach(async () => {
  // What the demo's people did is told of a moment later.
  await expect
    .poll(async () => {
      const { rows } = await admin.query(
        `select c.organization_id from sync.org_clock c
         join crm.organizations o on o.id = c.organization_id
         left join sync.reader_cursors r on r.organization_id = c.organization_id and r.reader = 'notifications'
         where c.pos > coalesce(r.pos, 0)`,
      );
      return rows.length;
    })
    .toBe(0);
  await admin.query('delete from crm.notifications');
});
afterAll(async () => {
  anna.leave();
  await browser.close();
  await admin.end();
  await server.stop();
});

const call = () => anna.live.api.call;
async function give(title: string): Promise<string> {
  const id = newId();
  await call().deals.create.mutate({
    ...{ id, title, ownerId: boris, rank: 'a0', currency: 'EUR' },
    ...{ pipelineId: pipeline.id, stageId: pipeline.lead },
  });
  return id;
}
const open = (email: string, options: BrowserContextOptions = {}): Promise<Screen> =>
  openBoard(browser, { url: server.url, email, options: { locale: 'en-GB', ...options } });
const lines = (page: Page): Promise<string[]> =>
  page
    .locator('.nt .what')
    .evaluateAll((all) => all.map((one) => (one.textContent ?? '').replace(/\s+/g, ' ').trim()));
const told = (page: Page) => page.locator('.nav .told');
const goToInbox = async ({ page }: Screen): Promise<void> => {
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor();
};

describe('the inbox', () => {
  test('what somebody gives me counts at once in every tab, and is said aloud', async () => {
    const one = await open('boris@demo.test');
    const two = await open('boris@demo.test');
    expect(await told(one.page).count()).toBe(0);
    await give('Mill');
    for (const { page } of [one, two]) {
      await expect
        .poll(() =>
          told(page)
            .textContent()
            .then((text) => text?.trim()),
        )
        .toBe('1');
      await page.locator('.toast', { hasText: 'makes you the owner (Mill)' }).waitFor();
    }
    await one.page.locator('.toast').getByRole('button', { name: 'Inbox' }).click();
    await one.page.locator('.inbox-detail h2', { hasText: 'Mill' }).waitFor();
    await expect.poll(() => told(one.page).count()).toBe(0);
    await expect.poll(() => told(two.page).count()).toBe(0);
    expect([...one.complaints, ...two.complaints]).toEqual([]);
    await Promise.all([one.close(), two.close()]);
  });

  test('rows of one record stand together; keys read, put away, put off and open', async () => {
    const screen = await open('boris@demo.test');
    const { page } = screen;
    const mill = await give('Mill');
    await call().activities.create.mutate({
      ...{ id: newId(), kind: 'note', title: 'Hello', body: 'Is it 115 or 120?', dealId: mill },
      ...{ ownerId: anna.me.memberId, doneAt: Date.now() },
    });
    await give('Oven');
    await give('Fridge');
    await goToInbox(screen);
    await expect
      .poll(() => lines(page))
      .toEqual([
        'Анна makes you the owner Fridge',
        'Анна makes you the owner Oven',
        'Анна notes: “Is it 115 or 120?” Mill: +1',
      ]);
    await page.keyboard.press('j');
    await page.locator('.inbox-detail h2', { hasText: 'Fridge' }).waitFor();
    await expect.poll(() => page.locator('.nt.new').count()).toBe(2);
    await page.keyboard.press('u');
    await expect.poll(() => page.locator('.nt.new').count()).toBe(3);
    await page.keyboard.press('e');
    await expect.poll(() => page.locator('.nt').count()).toBe(2);
    await page.locator('.inbox-detail h2', { hasText: 'Oven' }).waitFor();
    await page.keyboard.press('h');
    await page.getByRole('button', { name: 'Tomorrow at 09:00' }).click();
    await expect.poll(() => lines(page)).toEqual(['Анна notes: “Is it 115 or 120?” Mill: +1']);
    await page.getByRole('button', { name: /^Snoozed/ }).click();
    await expect.poll(() => lines(page)).toEqual(['Анна makes you the owner Oven']);
    await page.keyboard.press('j');
    await page.getByRole('button', { name: 'Bring back now' }).click();
    await page.getByRole('button', { name: /^All/ }).click();
    await expect.poll(() => page.locator('.nt').count()).toBe(2);
    await page.locator('.nt', { hasText: 'Mill' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.inbox-detail h2', { hasText: 'Mill' }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/deals?deal=${mill}*`);
    await page.locator('.peek h2', { hasText: 'Mill' }).waitFor();
    expect(screen.complaints).toEqual([]);
    await screen.close();
  });

  test('tabs part what is asked, given and alarming; all is read at once', async () => {
    const screen = await open('boris@demo.test');
    const { page } = screen;
    const mill = await give('Mill');
    await admin.query(
      `insert into crm.activities (organization_id, kind, title, body, deal_id, owner_id, mentions)
       select organization_id, 'note', 'x', '@Boris, look', id, owner_id, array[owner_id] from crm.deals where id = $1`,
      [mill],
    );
    await goToInbox(screen);
    await expect.poll(() => page.locator('.nt.new').count()).toBe(1);
    await page.getByRole('button', { name: 'Mentions 1' }).click();
    await expect.poll(() => lines(page)).toEqual(['The system mentions you: “@Boris, look” Mill']);
    await page.getByRole('button', { name: 'Alerts' }).click();
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    await page.getByRole('button', { name: 'Mark all as read' }).click();
    await expect.poll(() => told(page).count()).toBe(0);
    await expect
      .poll(async () => {
        const { rows } = await admin.query(
          `select from crm.notifications where state = 'unread' and member_id = $1`,
          [boris],
        );
        return rows.length;
      })
      .toBe(0);
    await screen.close();
  });

  test('what is done without a line stays done, and comes to the other tab with the line', async () => {
    const [away, here] = [await open('boris@demo.test'), await open('boris@demo.test')];
    await give('Mill');
    await goToInbox(away);
    await goToInbox(here);
    await away.page.locator('.nt', { hasText: 'Mill' }).waitFor();
    await away.page.context().setOffline(true);
    await away.page.keyboard.press('j');
    await away.page.keyboard.press('e');
    await away.page.getByRole('heading', { name: 'All read' }).waitFor();
    expect(await here.page.locator('.nt').count()).toBe(1);
    await away.page.context().setOffline(false);
    await expect.poll(() => here.page.locator('.nt').count(), { timeout: 20_000 }).toBe(0);
    await Promise.all([away.close(), here.close()]);
  });

  test('a deal that goes to somebody else takes its rows off the open inbox', async () => {
    const screen = await open('boris@demo.test');
    const mill = await give('Mill');
    await goToInbox(screen);
    await screen.page.locator('.nt', { hasText: 'Mill' }).click();
    await screen.page.locator('.inbox-detail h2', { hasText: 'Mill' }).waitFor();
    await admin.query(`update crm.members set team_id = null where id = $1`, [boris]);
    await call().deals.update.mutate({ id: mill, ownerId: anna.me.memberId });
    await screen.page.getByRole('heading', { name: 'All read' }).waitFor();
    expect(await screen.page.locator('.inbox').getByText('Mill').count()).toBe(0);
    await screen.close();
  });

  test('what others changed since I looked stands over the board, and is seen then', async () => {
    const screen = await open('boris@demo.test');
    const { page } = screen;
    const [mill, oven] = [await give('Mill'), await give('Oven')];
    await screen.card(mill).waitFor();
    await page.getByRole('link', { name: 'Customers' }).click();
    await page.getByRole('heading', { level: 1, name: 'Customers' }).waitFor();
    const looked = `select 1 from crm.looks where place like 'board/%' and member_id = '${boris}'`;
    await expect.poll(async () => (await admin.query(looked)).rowCount).toBe(1);
    await call().deals.move.mutate({ id: mill, stageId: pipeline.proposal });
    await call().deals.update.mutate({ id: oven, priority: 'high' });
    await page.getByRole('link', { name: 'Deals' }).click();
    const strip = page.locator('.since');
    await strip.waitFor();
    expect(await strip.textContent()).toMatch(/Since .*1 moved.*1 changed/);
    await expect.poll(() => page.locator('.deal.news').count()).toBe(2);
    await strip.getByRole('button', { name: 'Show' }).click();
    await strip.getByRole('button', { name: 'Mill' }).click();
    await page.locator('.peek h2', { hasText: 'Mill' }).waitFor();
    await strip.getByRole('button', { name: 'Seen' }).click();
    expect(await page.locator('.deal.news').count()).toBe(0);
    expect(screen.complaints).toEqual([]);
    await screen.close();
  });

  test('a record is muted and followed again in its panel', async () => {
    const screen = await open('boris@demo.test');
    const { page } = screen;
    const mill = await give('Mill');
    await screen.card(mill).locator('a').click();
    await page.getByRole('button', { name: 'You follow this' }).click();
    await page.getByRole('menuitem', { name: /^Mute/ }).click();
    await page.getByRole('button', { name: 'Muted' }).waitFor();
    const kept = () => admin.query('select state from crm.follows where record_id = $1', [mill]);
    await expect.poll(async () => (await kept()).rows).toEqual([{ state: 'muted' }]);
    await call().deals.update.mutate({ id: mill, title: 'Mill, changed' });
    await give('Oven');
    // The later one has come, so the earlier one would have.
    await goToInbox(screen);
    await page.locator('.nt', { hasText: 'Oven' }).waitFor();
    expect(await page.locator('.nt', { hasText: 'changes' }).count()).toBe(0);
    await screen.close();
  });

  test('what one chooses not to be told is not told, in every language and width', async () => {
    const screen = await open('boris@demo.test', { viewport: { width: 390, height: 800 } });
    const { page } = screen;
    await page.goto(`${server.url}/o/demo/settings/notifications`);
    await page.getByRole('checkbox', { name: 'Something is given to me: In the app' }).click();
    const kinds = () =>
      admin.query<{ app: string }>(
        `select kinds -> 'assigned' ->> 'app' as app from crm.notification_preferences where member_id = $1`,
        [boris],
      );
    await expect.poll(async () => (await kinds()).rows[0]?.app).toBe('false');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
    await page.getByRole('checkbox', { name: 'Something is given to me: In the app' }).click();
    await expect.poll(async () => (await kinds()).rows[0]?.app).toBe('true');
    expect(screen.complaints).toEqual([]);
    await screen.close();
  });

  test.each([
    { locale: 'en-GB', colorScheme: 'light', width: 1280 },
    { locale: 'ru-RU', colorScheme: 'dark', width: 1280 },
    { locale: 'ru-RU', colorScheme: 'light', width: 390 },
  ] as const)('has nothing for axe to find: $locale $colorScheme $width', async (how) => {
    const { width, ...options } = how;
    const screen = await open('boris@demo.test', {
      ...options,
      viewport: { width, height: 800 },
    });
    const { page } = screen;
    await give('Mill');
    await page.goto(`${server.url}/o/demo/inbox`);
    await page.locator('.nt').first().waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
    const isWide = await page.evaluate(
      () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    );
    expect(isWide).toBe(false);
    await screen.close();
  });
});

test('an administrator is alerted to a broken seal wherever he is, and led to the audit', async () => {
  const [annas, boriss] = [await open('anna@demo.test'), await open('boris@demo.test')];
  await annas.page.goto(`${server.url}/o/demo/customers`);
  await told(annas.page).waitFor({ state: 'detached' });
  await admin.query(
    `insert into sync.seal_checks (organization_id, sealed_to, findings)
     select id, 9, '{rows of positions 1 to 4: changed,the seal up to 4 is another}' from crm.organizations
     where slug = 'demo'`,
  );
  await admin.query(`update platform.jobs set due_at = now() where name = 'reminders'`);
  const { page } = annas;
  await page.getByRole('status').getByText('does not match its seal in 2 places').waitFor();
  await page.getByRole('status').getByRole('button', { name: 'Inbox' }).click();
  await page.getByRole('link', { name: 'Open the audit' }).click();
  await page.waitForURL('**/settings/audit');
  await page.getByText('Changed by hand: 2 findings').waitFor();
  await goToInbox(boriss);
  await boriss.page.getByText('All read').waitFor();
  expect([annas.complaints, boriss.complaints]).toEqual([[], []]);
  await Promise.all([annas.close(), boriss.close()]);
});
