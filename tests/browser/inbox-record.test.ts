import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { openAs, type Person } from '#tests/support/person.ts';
import { demoStage } from '#tests/support/stage.ts';

const stage = demoStage();
let anna: Person;
let boris: { id: string; name: string };
let place = { pipelineId: '', stageId: '' };

beforeAll(async () => {
  anna = await openAs(stage.server.url, 'anna@demo.test');
  const { rows: people } = await stage.admin.query<{ id: string; name: string }>(
    `select m.id, m.name from crm.members m join platform.users u on u.id = m.user_id
     join crm.organizations o on o.id = m.organization_id and o.slug = 'demo' where u.email = 'boris@demo.test'`,
  );
  boris = people[0] ?? { id: '', name: '' };
  const { rows } = await stage.admin.query<{ id: string; pipeline_id: string }>(
    `select s.id, s.pipeline_id from crm.stages s join crm.pipelines p on p.id = s.pipeline_id
     join crm.organizations o on o.id = p.organization_id and o.slug = 'demo'
     where p.is_default and s.kind = 'open' order by s.position limit 1`,
  );
  place = { pipelineId: rows[0]?.pipeline_id ?? '', stageId: rows[0]?.id ?? '' };
  return () => anna.live.stop();
});
afterEach(async () => {
  await stage.admin.query(`delete from crm.deals where title like 'Mill%'`);
  await stage.admin.query(`delete from crm.customers where name = 'Baker'`);
});

const call = () => anna.live.api.call;
async function newMill(): Promise<string> {
  const id = newId();
  const made = { id, title: 'Mill', value: 10_000, rank: 'a0', currency: 'EUR', ownerId: boris.id };
  await call().deals.create.mutate({ ...made, ...place });
  return id;
}
async function say(about: { dealId: string } | { customerId: string }, body: string) {
  await call().activities.create.mutate({
    ...{ id: newId(), kind: 'note', title: body.slice(0, 40), body, ...about },
    ...{ ownerId: anna.me.memberId, doneAt: Date.now(), mentions: [boris.id] },
  });
}
const openInbox = async (page: Page, recordId: string): Promise<void> => {
  await page.goto(`${stage.server.url}/o/demo/inbox?open=${recordId}`);
  await page.locator('.inbox-detail h2').waitFor();
};
const row = (page: Page, id: string) => page.locator(`.nt[href*="${id}"]`);
const items = (page: Page) =>
  page
    .locator('.inbox-record .tl-i')
    .evaluateAll((all) => all.map((one) => (one.textContent ?? '').replace(/\s+/g, ' ').trim()));

describe('a record in the inbox', () => {
  test('shows its facts and its whole history, live, with what one is told of marked', async () => {
    const screen = await stage.open('boris@demo.test');
    const { page } = screen;
    const id = await newMill();
    await stage.admin.query(`update crm.deals set tags = '{old}' where id = $1`, [id]);
    await say({ dealId: id }, `@${boris.name}, is it 115 or 120?`);
    await page.locator('.nav .told').waitFor();
    await openInbox(page, id);
    await page.locator('.inbox-facts', { hasText: '€100' }).waitFor();
    await expect.poll(() => items(page)).toHaveLength(3);
    const shown = await items(page);
    expect(shown[0]).toMatch(/a note.*is it 115 or 120\?/);
    expect(shown[1]).toMatch(/Tags/);
    expect(shown[2]).toMatch(/made the deal/);
    expect(await page.locator('.inbox-record .tl-i.marked .mention').count()).toBe(1);

    await call().deals.update.mutate({ id, value: 12_000 });
    await page.locator('.inbox-facts', { hasText: '€120' }).waitFor();
    await page.locator('.inbox-record .tl-i', { hasText: '€100 → €120' }).waitFor();
    // What has no place among the changes and the notes is shown among them by itself.
    await stage.admin.query(
      `insert into crm.activities (organization_id, kind, title, deal_id, owner_id)
       select organization_id, 'task', 'Weigh it', id, owner_id from crm.deals where id = $1`,
      [id],
    );
    await page.locator('.inbox-record .tl-i.marked', { hasText: 'Weigh it' }).waitFor();
    expect(screen.complaints).toEqual([]);
    await screen.close();
  });

  test('is answered there: R writes, a name is offered, and the other one is told', async () => {
    const screen = await stage.open('boris@demo.test');
    const { page } = screen;
    const id = await newMill();
    await say({ dealId: id }, 'Is it 115 or 120?');
    await openInbox(page, id);
    await page.locator('.inbox-detail .composer').waitFor();
    await page.keyboard.press('r');
    await page.keyboard.type('118, @Анн');
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.type('is it well?');
    await page.keyboard.press('Control+Enter');
    await page.locator('.inbox-record .tl-i', { hasText: 'is it well?' }).waitFor();
    const told = () =>
      stage.admin.query(
        `select 1 from crm.notifications where member_id = $1 and record_id = $2 and kind = 'mentioned'`,
        [anna.me.memberId, id],
      );
    await expect.poll(async () => (await told()).rowCount).toBe(1);
    // Back to the keys of the list.
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await expect.poll(() => row(page, id).count()).toBe(0);
    expect(screen.complaints).toEqual([]);
    await screen.close();
  });

  test('may be a customer; Enter opens it', async () => {
    const screen = await stage.open('boris@demo.test');
    const { page } = screen;
    const id = newId();
    await call().customers.create.mutate({ id, name: 'Baker', phone: '+1 23', ownerId: boris.id });
    await say({ customerId: id }, 'Shall we call them?');
    await openInbox(page, id);
    await page.locator('.inbox-facts', { hasText: '+1 23' }).waitFor();
    await page.locator('.inbox-record .tl-i.marked', { hasText: 'Shall we call' }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/customers?customer=${id}*`);
    await screen.close();
  });

  test.each([
    { locale: 'en-GB', colorScheme: 'dark' },
    { locale: 'ru-RU', colorScheme: 'light' },
  ] as const)('takes the place of the list on a phone: $locale $colorScheme', async (how) => {
    const viewport = { width: 390, height: 800 };
    const screen = await stage.open('boris@demo.test', { ...how, viewport });
    const { page } = screen;
    const id = await newMill();
    await say({ dealId: id }, 'Is it 115 or 120?');
    await page.goto(`${stage.server.url}/o/demo/inbox`);
    await row(page, id).click();
    await page.locator('.inbox-detail h2', { hasText: 'Mill' }).waitFor();
    await page.locator('.inbox-detail .composer').waitFor();
    await expect.poll(() => page.locator('.inbox-record .tl-i.marked').count()).toBe(2);
    expect(await row(page, id).isVisible()).toBe(false);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((one) => [one.id, one.nodes[0]?.html])).toEqual([]);
    const isWide = await page.evaluate(
      () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    );
    expect(isWide).toBe(false);
    await page.goBack();
    await row(page, id).waitFor();
    expect(await page.locator('.inbox-detail').isVisible()).toBe(false);
    expect(screen.complaints).toEqual([]);
    await screen.close();
  });
});
