import AxeBuilder from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { type Screen } from '#tests/support/screen.ts';
import { demoStage } from '#tests/support/stage.ts';

const demo = demoStage();

const clock = async (): Promise<string> => {
  const { rows } = await demo.admin.query<{ at: Date }>('select clock_timestamp() as at');
  return rows[0]?.at.toISOString() ?? '';
};

/** Goes to a moment as somebody does who was sent the link. */
async function lookBack({ page }: Screen, at: string): Promise<void> {
  const url = new URL(page.url());
  url.searchParams.set('at', at);
  await page.goto(url.href);
  await page.getByRole('region', { name: 'Time travel' }).waitFor();
  await page.locator('[data-deal-id]').first().waitFor();
}

const headings = ({ page }: Screen): Promise<string[]> =>
  page.locator('section[data-stage-id] header, section[data-stage-id].folded').allInnerTexts();

test('the board as it was: its cards, its totals, what is different today, and nothing to change', async () => {
  const anna = await demo.open('anna@demo.test');
  const [first = '', second = ''] = await anna.stages();
  const [moved = '', deleted = '', dearer = ''] = await anna.cardsIn(first);
  const before = { first: await anna.cardsIn(first), second: await anna.cardsIn(second) };
  const totals = await headings(anna);
  const name = await anna.column(second).locator('h2').innerText();
  const at = await clock();

  await demo.admin.query('update crm.deals set stage_id = $2 where id = $1', [moved, second]);
  await demo.admin.query('update crm.deals set value = value + 100000000 where id = $1', [dearer]);
  await demo.admin.query('delete from crm.deals where id = $1', [deleted]);
  await demo.admin.query('update crm.stages set name = $2 where id = $1', [second, 'Renamed']);
  await expect.poll(() => anna.cardsIn(first)).not.toContain(deleted);

  await lookBack(anna, at);
  await expect.poll(() => anna.cardsIn(first)).toEqual(before.first);
  expect(await anna.cardsIn(second)).toEqual(before.second);
  expect(await headings(anna)).toEqual(totals);
  expect(await anna.column(second).locator('h2').innerText()).toBe(name);
  const bar = anna.page.getByRole('region', { name: 'Time travel' });
  await bar.getByText('2 changed since').waitFor();
  expect(await bar.innerText()).toContain('1 deleted since');
  await anna.card(moved).getByText(`→ ${name}`).waitFor();
  await anna.card(deleted).getByText('deleted').waitFor();
  expect(await anna.page.locator('.head .btn.primary').count()).toBe(0);
  const { violations } = await new AxeBuilder({ page: anna.page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);

  // The record of a card is of that moment too.
  await anna.card(dearer).locator('a').click();
  await anna.page.locator('.peek h2').waitFor();
  expect(await anna.page.locator('.peek').getByRole('textbox').count()).toBe(0);

  await bar.getByRole('button', { name: 'Back to now' }).click();
  await expect.poll(() => anna.cardsIn(second)).toContain(moved);
  expect(await bar.count()).toBe(0);
  expect(anna.complaints).toEqual([]);
  await anna.close();
});

test('before there was anything the screen says so; the slider and the film lead back to now', async () => {
  const anna = await demo.open('anna@demo.test');
  const { page } = anna;
  await page.getByRole('button', { name: 'Look back in time' }).click();
  await page.getByText('There was nothing here yet').waitFor();
  const slider = page.getByRole('slider', { name: 'Moment' });
  await slider.focus();
  await page.keyboard.press('End');
  await page.locator('[data-deal-id]').first().waitFor();
  expect(await page.getByText('There was nothing here yet').count()).toBe(0);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  await page.keyboard.press('Control+z');
  await page.getByRole('button', { name: 'Back to now' }).click();
  await page.locator('.head .btn.primary').waitFor();
  expect(anna.complaints).toEqual([]);
  await anna.close();
});

test('the table of customers as it was, in its order', async () => {
  const anna = await demo.open('anna@demo.test');
  const { page } = anna;
  const customers = new URL(page.url().replace(/deals.*/, 'customers'));
  await page.goto(customers.href);
  const names = (): Promise<string[]> => page.locator('[role=row] .link').allInnerTexts();
  await page.locator('[data-record-id]').first().waitFor();
  const before = await names();
  const { rows } = await demo.admin.query<{ id: string }>(
    'select id from crm.customers where name = $1',
    [before[0]],
  );
  const [customer] = rows;
  const at = await clock();
  await demo.admin.query("update crm.customers set name = 'Zzz' where id = $1", [customer?.id]);
  await expect.poll(names).toContain('Zzz');
  customers.searchParams.set('at', at);
  await page.goto(customers.href);
  await page.locator('[data-record-id]').first().waitFor();
  expect(await names()).toEqual(before);
  await page.getByText('1 changed since').waitFor();
  await page.getByRole('button', { name: 'Back to now' }).click();
  await expect.poll(names).toContain('Zzz');
  await anna.close();
});
