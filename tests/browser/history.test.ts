import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { type Screen } from '#tests/support/screen.ts';
import { demoStage } from '#tests/support/stage.ts';

const demo = demoStage();

const { open } = demo;

const go = (page: Page, path: string) =>
  page.goto(new URL(page.url()).href.replace(/\/o\/([^/]+)\/.*$/, `/o/$1/${path}`));

async function someDeal(screen: Screen): Promise<{ id: string; title: string }> {
  const [stage = ''] = await screen.stages();
  const [id = ''] = await screen.cardsIn(stage);
  const { rows } = await demo.admin.query<{ title: string }>(
    'select title from crm.deals where id = $1',
    [id],
  );
  return { id, title: rows[0]?.title ?? '' };
}

const titleOf = async (id: string): Promise<string | undefined> => {
  const { rows } = await demo.admin.query<{ title: string }>(
    'select title from crm.deals where id = $1',
    [id],
  );
  return rows[0]?.title;
};

/** Everything on the page that breaks a rule of accessibility. */
async function faults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
    .analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

test('the activity page lives, says what changed, and takes it back with a preview', async () => {
  const anna = await open('anna@demo.test');
  const { id, title } = await someDeal(anna);
  const { page } = anna;
  await go(page, 'activity');
  await page.locator('.tl-i').first().waitFor();
  await demo.admin.query(`update crm.deals set title = 'By hand' where id = $1`, [id]);
  const entry = page.locator('.tl-i', { hasText: 'By hand' }).first();
  await entry.waitFor();
  expect(await entry.locator('b').first().textContent()).toBe('Database administrator');
  expect(await entry.locator('.ch').allTextContents()).toEqual([
    expect.stringContaining(`Title ${title} → By hand`),
  ]);
  await entry.getByRole('button', { name: /^Undo/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Goes back').waitFor();
  expect(await dialog.locator('.ch').textContent()).toContain(`Title By hand → ${title}`);
  await dialog.getByRole('button', { name: 'Undo', exact: true }).click();
  await page.getByText('1 record went back').waitFor();
  expect(await titleOf(id)).toBe(title);
  await page.locator('.tl-i', { hasText: 'undo' }).first().waitFor();
  expect(anna.complaints).toEqual([]);
  await anna.close();
});

test('changes by one hand within a minute stand as one, and go back as one', async () => {
  const anna = await open('anna@demo.test');
  const { id, title } = await someDeal(anna);
  for (const word of ['First', 'Second'])
    await demo.admin.query('update crm.deals set title = $1 where id = $2', [word, id]);
  const { page } = anna;
  await go(page, 'activity?entity=deals');
  const entry = page.locator('.tl-i', { hasText: 'Second' }).first();
  await entry.waitFor();
  expect(await entry.textContent()).toContain('changes within a minute');
  await entry.getByRole('button', { name: /^Undo/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('.ch', { hasText: `Title Second → ${title}` }).waitFor();
  expect(await dialog.getByText('Stays as it is').count()).toBe(0);
  expect(await faults(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect.poll(() => titleOf(id)).toBe(title);
  await anna.close();
});

test('Ctrl+Z takes my last change back on a page that knows nothing of it, after a reload too', async () => {
  const anna = await open('anna@demo.test');
  const { id, title } = await someDeal(anna);
  const { page } = anna;
  await anna.card(id).locator('a').click();
  const panel = page.locator('.peek');
  await panel.locator('h2').waitFor();
  await panel.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect.poll(() => titleOf(id)).toBeUndefined();
  await go(page, 'settings/account');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.keyboard.press('Control+z');
  await page.getByText('Undone').waitFor();
  expect(await titleOf(id)).toBe(title);
  expect(anna.complaints).toEqual([]);
  await anna.close();
});

test('the trash shows what was deleted, and brings it back', async () => {
  const anna = await open('anna@demo.test');
  const { id, title } = await someDeal(anna);
  await demo.admin.query('delete from crm.deals where id = $1', [id]);
  const { page } = anna;
  await go(page, 'trash');
  const row = page.locator('.trash-row', { hasText: title });
  await row.waitFor();
  expect(await faults(page)).toEqual([]);
  await row.getByRole('button').focus();
  await page.keyboard.press('Enter');
  await page.getByText(`“${title}” is back`).waitFor();
  await expect.poll(() => row.count()).toBe(0);
  expect(await titleOf(id)).toBe(title);
  expect(anna.complaints).toEqual([]);
  await anna.close();
});

test('somebody is named in a note by the keyboard, and the note can be changed', async () => {
  const anna = await open('anna@demo.test');
  const { id } = await someDeal(anna);
  await anna.card(id).locator('a').click();
  const { page } = anna;
  const field = page.locator('.peek').getByPlaceholder('Write a note');
  await field.click();
  await page.keyboard.type('Ask @');
  const options = page.getByRole('listbox').getByRole('option');
  await options.first().waitFor();
  const names = await options.allTextContents();
  const chosen = names[1]?.trim() ?? '';
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect.poll(() => field.inputValue()).toBe(`Ask @${chosen} `);
  await page.keyboard.type('today');
  await page.keyboard.press('Control+Enter');
  await page.locator('.said .mention', { hasText: `@${chosen}` }).waitFor();
  const mentioned = async (): Promise<number> => {
    const { rows } = await demo.admin.query<{ count: number }>(
      'select cardinality(mentions) as count from crm.activities where deal_id = $1 order by created_at desc limit 1',
      [id],
    );
    return rows[0]?.count ?? -1;
  };
  await expect.poll(mentioned).toBe(1);
  await page.getByRole('button', { name: 'Change the note' }).first().click();
  await page.locator('.tl-i textarea').fill('Never mind');
  await page.keyboard.press('Control+Enter');
  await page.locator('.said', { hasText: 'Never mind' }).waitFor();
  await expect.poll(mentioned).toBe(0);
  expect(anna.complaints).toEqual([]);
  await anna.close();
});

test('who may only look sees what he may see, and no way to undo it', async () => {
  const vera = await open('vera@demo.test');
  await go(vera.page, 'activity');
  await vera.page.locator('.tl-i').first().waitFor();
  expect(await vera.page.locator('.tl-i').getByRole('button').count()).toBe(0);
  await go(vera.page, 'trash');
  await vera.page.getByText('The trash is empty').waitFor();
  expect(vera.complaints).toEqual([]);
  await vera.close();
});

test.each([
  { locale: 'ru-RU', colorScheme: 'light', width: 1280 },
  { locale: 'en-GB', colorScheme: 'dark', width: 390 },
] as const)('no rule of accessibility is broken: %o', async ({ width, ...options }) => {
  const anna = await open('anna@demo.test', { ...options, viewport: { width, height: 800 } });
  for (const path of ['activity', 'activity?entity=deals&action=changed', 'trash']) {
    await go(anna.page, path);
    await anna.page.locator('.tl-i, .trash-row, .empty').first().waitFor();
    expect([path, await faults(anna.page)]).toEqual([path, []]);
    const isWide = await anna.page.evaluate(
      () => document.documentElement.scrollWidth > window.innerWidth,
    );
    expect([path, isWide]).toEqual([path, false]);
  }
  await anna.close();
});
