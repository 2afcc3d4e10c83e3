import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { demoStage, openAt } from '#tests/support/stage.ts';

const stage = demoStage();
const openKeys = (email = 'anna@demo.test', look = {}): Promise<Page> =>
  openAt(stage, '/settings/api-keys', { email, ...look });

const status = async (key: string, path: string, method = 'GET'): Promise<number> =>
  (await fetch(`${stage.server.url}/api/v1${path}`, { method, headers: { 'x-api-key': key } }))
    .status;

const axe = async (page: Page, part: string) => {
  const { violations } = await new AxeBuilder({ page }).include(part).analyze();
  return violations.map(({ id, nodes }) => [id, nodes[0]?.html]);
};

test('a key is made by keyboard, shown once, used by a program, and revoked', async () => {
  const [page, other] = [await openKeys(), await openKeys()];
  await page.getByText('No keys yet').waitFor();
  await page.getByRole('button', { name: 'New key' }).focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Name', { exact: true }).fill('Warehouse');
  await page.keyboard.press('Enter');
  await page.getByText('Choose what the key is good for').waitFor();
  await page.getByRole('checkbox', { name: 'Customers: change' }).focus();
  await page.keyboard.press('Space');
  expect(await page.getByRole('checkbox', { name: 'Customers: look' }).isChecked()).toBe(true);
  await page.getByRole('checkbox', { name: 'Deals: look' }).check();
  expect(await axe(page, '.dialog')).toEqual([]);
  await page.getByRole('button', { name: 'Make the key' }).click();
  const key = await page.getByLabel('Key', { exact: true }).inputValue();
  expect(await axe(page, '.dialog')).toEqual([]);
  await page.getByRole('button', { name: 'Close' }).click();
  const line = (where: Page) => where.getByRole('listitem').filter({ hasText: 'Warehouse' });
  await line(page).getByText('never used').waitFor();
  await line(other).waitFor();
  expect(await page.content()).not.toContain(key);
  expect(await line(other).textContent()).toContain('Deals: look · Customers: change');

  expect(await status(key, '/customers')).toBe(200);
  expect(await status(key, '/products')).toBe(403);
  await page.reload();
  await line(page).getByText('last used').waitFor();
  expect(await page.content()).not.toContain(key);

  await line(page).getByRole('button', { name: 'Revoke Warehouse' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await other.getByText('No keys yet').waitFor();
  expect(await status(key, '/customers')).toBe(401);
  await Promise.all([page.context().close(), other.context().close()]);
});

test('who may not manage keys finds no tab, and nothing behind its address', async () => {
  const page = await openKeys('boris@demo.test');
  await page.getByText('API keys are for those who may manage them').waitFor();
  expect(await page.getByRole('link', { name: 'API keys' }).count()).toBe(0);
  await page.context().close();
});

test.each([
  { locale: 'en', theme: 'light', width: 1280, make: 'New key', name: 'Name' },
  { locale: 'ru', theme: 'dark', width: 390, make: 'Новый ключ', name: 'Название' },
])('the keys break no axe rule and fit ($locale, $theme, $width)', async (look) => {
  const page = await openKeys('anna@demo.test', look);
  await page.getByRole('button', { name: look.make }).click();
  await page.getByLabel(look.name, { exact: true }).fill('A program with a rather long name');
  for (const box of await page.getByRole('checkbox').all()) await box.check();
  await page.locator('.dialog button.primary').click();
  await page.locator('.dialog input[readonly]').waitFor();
  expect(await axe(page, '.dialog')).toEqual([]);
  await page.keyboard.press('Escape');
  await page.locator('.settings li').first().waitFor();
  expect(await axe(page, '.settings')).toEqual([]);
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  );
  expect(wide).toBe(false);
  await page.context().close();
});
