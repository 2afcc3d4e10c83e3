import type { Page, Response } from 'playwright';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { openAs, type Person } from '#tests/support/person.ts';
import { demoStage } from '#tests/support/stage.ts';

const stage = demoStage();
let anna: Person;
let place = { pipelineId: '', stageId: '' };

beforeAll(async () => {
  anna = await openAs(stage.server.url, 'anna@demo.test');
  const { rows } = await stage.admin.query<{ id: string; pipeline_id: string }>(
    `select s.id, s.pipeline_id from crm.stages s join crm.pipelines p on p.id = s.pipeline_id
     where p.is_default and s.kind = 'open' and p.organization_id = (select id from crm.organizations where slug = 'demo')
     order by s.position limit 1`,
  );
  place = { pipelineId: rows[0]?.pipeline_id ?? '', stageId: rows[0]?.id ?? '' };
  return () => anna.live.stop();
});
afterEach(async () => {
  await stage.admin.query(`delete from crm.deals where title like 'Mill%'`);
  await stage.admin.query(`delete from crm.customers where name like 'Baker%'`);
});

const call = () => anna.live.api.call;
const boris = async () => {
  const { rows } = await stage.admin.query<{ id: string }>(
    `select m.id from crm.members m join platform.users u on u.id = m.user_id
     where u.email = 'boris@demo.test' and m.organization_id = (select id from crm.organizations where slug = 'demo')`,
  );
  return rows[0]?.id ?? '';
};
async function newMill(ownerId: string): Promise<string> {
  const id = newId();
  const made = { id, title: 'Mill', value: 10_000, rank: 'a0', currency: 'EUR', ownerId };
  await call().deals.create.mutate({ ...made, ...place });
  return id;
}

/** Looks at a record until it counts as seen, and leaves it. */
async function look(page: Page, address: string, place: string): Promise<void> {
  const isAsked = (one: Response) =>
    one.url().includes('looks.since') && decodeURIComponent(one.url()).includes(place);
  const asked = page.waitForResponse(isAsked);
  await page.goto(address);
  await asked.then((answer) => answer.finished());
  await page.locator('.peek, .cpage').waitFor();
  const marks = () =>
    stage.admin.query('select position from crm.looks where place = $1 order by position', [place]);
  await expect
    .poll(async () => {
      await page.goto(`${stage.server.url}/o/demo/settings/account`);
      return (await marks()).rowCount;
    })
    .toBe(1);
}

test('a deal says what others changed since I looked, marks it, and moves nothing', async () => {
  const screen = await stage.open('boris@demo.test');
  const { page } = screen;
  const id = await newMill(await boris());
  const address = `${stage.server.url}/o/demo/deals?deal=${id}`;
  await look(page, address, `deals/${id}`);
  await call().deals.update.mutate({ id, value: 12_000, priority: 'high' });
  await call().activities.create.mutate({
    ...{ id: newId(), kind: 'note', title: 'Hello', body: 'Is it 120?', dealId: id },
    ...{ ownerId: anna.me.memberId, doneAt: Date.now() },
  });
  let answer = (): void => undefined;
  const held = new Promise<void>((resolve) => (answer = resolve));
  await page.route('**/looks.since**', async (route) => {
    if (decodeURIComponent(route.request().url()).includes('deals/')) await held;
    await route.continue();
  });
  await page.goto(address);
  await page.locator('.peek .facts').waitFor();
  const places = () =>
    page.locator('.peek-t, .stagebar, .peek .fact').evaluateAll((all) =>
      all.map((one) => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return [x, y, width, height].map(Math.round).join(' ');
      }),
    );
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().map(({ finished }) => finished)),
  );
  const before = await places();
  answer();
  const strip = page.locator('.peek .rsince');
  await strip.getByRole('button', { name: /^2 changes since .*· Анна/ }).click();
  expect(await strip.locator('li').first().textContent()).toMatch(/wrote: Is it 120\?/);
  const changes = await strip.locator('li').nth(1).textContent();
  expect(changes).toMatch(/Amount €100 → €120/);
  expect(changes).toMatch(/Priority Medium → High/);
  expect(await places()).toEqual(before);
  const marked = await page.locator('.peek .k.news').allTextContents();
  expect(marked.sort()).toEqual(['Amount', 'Priority']);
  await page.keyboard.press('Escape');
  await expect.poll(() => strip.locator('ol').count()).toBe(0);
  expect(screen.complaints).toEqual([]);

  await page.unroute('**/looks.since**');
  await page.goto(`${stage.server.url}/o/demo/settings/account`);
  const seen = () =>
    stage.admin.query(
      `select 1 from crm.looks l where place = $1 and position >= (select max(pos) from sync.history where id = $2)`,
      [`deals/${id}`, id],
    );
  await expect.poll(async () => (await seen()).rowCount).toBe(1);
  const asked = page.waitForResponse((one) => one.url().includes('deals%2F'));
  await page.goto(address);
  await (await asked).finished();
  await page.locator('.peek .facts').waitFor();
  expect(await page.locator('.rsince, .k.news').count()).toBe(0);
  await screen.close();
});

test('a customer says it too, in its panel and on its page, and the table marks its row', async () => {
  const screen = await stage.open('boris@demo.test');
  const { page } = screen;
  const id = newId();
  await call().customers.create.mutate({ id, name: 'Baker', ownerId: await boris() });
  const home = `${stage.server.url}/o/demo/customers`;
  await look(page, `${home}?customer=${id}`, `customers/${id}`);
  await call().customers.update.mutate({ id, city: 'Riga' });
  await page.goto(home);
  await page.locator(`.crow.news[data-record-id="${id}"]`).waitFor();
  await page.locator(`[data-record-id="${id}"] .link`).click();
  await page.locator('.peek .rsince button', { hasText: '1 change since' }).click();
  await page.locator('.peek .rsince li', { hasText: 'City blank → Riga' }).waitFor();
  expect(await page.locator('.peek .k.news').allTextContents()).toEqual(['City']);
  // Nobody has left it yet, so it is news on its page as well, or has just been seen in the panel.
  await look(page, `${home}/${id}`, `customers/${id}`);
  await call().customers.update.mutate({ id, city: 'Oslo' });
  await page.goto(`${home}/${id}`);
  await page.locator('.cpage .rsince', { hasText: '1 change since' }).waitFor();
  expect(screen.complaints).toEqual([]);
  await screen.close();
});
