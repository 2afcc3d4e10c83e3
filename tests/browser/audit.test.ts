import { readFile } from 'node:fs/promises';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { createApi } from '#lib/api.ts';
import { demoStage, openAt } from '#tests/support/stage.ts';

const password = 'demo-syncline';
const stage = demoStage();
const openAudit = (email = 'anna@demo.test', look = {}): Promise<Page> =>
  openAt(stage, '/settings/audit', { email, ...look });

const rows = (page: Page) => page.locator('.audit-row');

/** Somebody at another place makes a customer. */
async function makeCustomer(name: string): Promise<void> {
  const { tokens } = await createApi({ origin: stage.server.url }).call.auth.login.mutate({
    email: 'boris@demo.test',
    password,
    organization: 'demo',
  });
  const headers = { authorization: `Bearer ${tokens.access}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ name });
  const made = await fetch(`${stage.server.url}/api/v1/customers`, {
    method: 'POST',
    headers,
    body,
  });
  expect(made.status).toBe(201);
}

test('an administrator sees what was done, as it is done, by whom and from where', async () => {
  const page = await openAudit();
  await rows(page).first().waitFor();
  await page.getByText('Signed in').first().waitFor();
  await makeCustomer('Seen at once');
  await rows(page).filter({ hasText: 'Seen at once' }).waitFor();
  expect(await rows(page).filter({ hasText: 'Seen at once' }).textContent()).toContain('Борис');
  await page.locator('.audit-seal').getByText('Sealed').waitFor({ timeout: 90_000 });
  await page.context().close();
}, 150_000);

test('the audit is narrowed by person, kind and day, paged, and taken along as a table', async () => {
  const page = await openAudit();
  await rows(page).first().waitFor();
  const first = await rows(page).count();
  await page.getByRole('button', { name: 'Show earlier' }).click();
  await expect.poll(() => rows(page).count()).toBeGreaterThan(first);
  await page.getByRole('combobox', { name: 'What' }).selectOption('auditEvents');
  await page.getByText('Deal made').first().waitFor({ state: 'detached' });
  await page.getByText('Signed in').first().waitFor();
  await page.getByRole('combobox', { name: 'Person' }).selectOption({ label: 'Борис Волков' });
  await page.locator('.audit-row b', { hasText: 'Анна' }).first().waitFor({ state: 'detached' });
  await rows(page).first().waitFor();
  await page.getByLabel('To', { exact: true }).fill('2020-01-01');
  await page.getByText('Nothing fits the filter').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await rows(page).first().waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ]);
  expect(await readFile(await download.path(), 'utf8')).toContain('time,actor,action');
  await page.getByText('Took data out').waitFor();
  await page.context().close();
});

test('who does not manage the organization is told so, and sees nothing', async () => {
  const page = await openAudit('boris@demo.test');
  await page.getByText('The audit is for those who manage the organization').waitFor();
  expect(await rows(page).count()).toBe(0);
  await page.context().close();
});

test('when the audit cannot be loaded it says so', async () => {
  const page = await openAudit();
  await rows(page).first().waitFor();
  await page.route('**/trpc/audit.list**', (route) => route.abort());
  await page.getByRole('combobox', { name: 'What' }).selectOption('deals');
  await page.getByText('The audit cannot be loaded now').waitFor();
  await page.context().close();
});

test.each([
  { locale: 'en', theme: 'light', width: 1280 },
  { locale: 'ru', theme: 'dark', width: 390 },
])('the audit breaks no axe rule and fits ($locale, $theme, $width)', async (look) => {
  const page = await openAudit('anna@demo.test', look);
  await rows(page).first().waitFor();
  const { violations } = await new AxeBuilder({ page }).include('.settings').analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  );
  expect(wide).toBe(false);
  await page.context().close();
});
