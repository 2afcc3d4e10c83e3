import AxeBuilder from '@axe-core/playwright';
import type { ConsoleMessage, Locator, Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { demoStage } from '#tests/support/stage.ts';

const stage = demoStage();
const complaints: string[] = [];

interface Window {
  email: string;
  path?: string;
  locale?: 'en' | 'ru';
  theme?: 'light' | 'dark';
  width?: number;
}

/** Somebody's window at a page of the demo organization. */
async function open({
  email,
  path = '/customers',
  locale = 'en',
  theme = 'light',
  width = 1280,
}: Window): Promise<Page> {
  const context = await stage.browser.newContext({ viewport: { width, height: 800 } });
  const cookies = Object.entries({ locale, theme });
  await context.addCookies(
    cookies.map(([name, value]) => ({ name, value, url: stage.server.url })),
  );
  const page = await context.newPage();
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (said) => {
    if (isComplaint(said)) complaints.push(said.text());
  });
  await page.goto(`${stage.server.url}/sign-in?next=${encodeURIComponent(`/o/demo${path}`)}`);
  await page.fill('[name=email]', email);
  await page.fill('[name=password]', 'demo-syncline');
  await page.press('[name=password]', 'Enter');
  await page.waitForURL(`**/o/demo${path}`);
  await page.locator('[data-record-id], [data-stage-id], .empty').first().waitFor();
  return page;
}

/** A refusal is answered with its status, which the browser calls an error. */
const isComplaint = (said: ConsoleMessage): boolean =>
  said.type() === 'error' && !/status of 409/.test(said.text());

const rowOf = (page: Page, name: string): Locator =>
  page.locator('[role=row][data-record-id]').filter({ hasText: name });
const cell = (page: Page, name: string, column: string): Locator =>
  rowOf(page, name).locator(`.c.${column}`);

async function customer(name: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await stage.admin.query<Record<string, unknown>>(
    'select * from crm.customers where name = $1',
    [name],
  );
  return rows[0];
}

describe('the table of customers', () => {
  test('what one person edits in a cell is on the screen of the other at once', async () => {
    const [anna, vera] = await Promise.all([
      open({ email: 'anna@demo.test' }),
      open({ email: 'vera@demo.test' }),
    ]);
    const name = 'Колледж сервиса';
    await cell(anna, name, 'city').focus();
    await anna.keyboard.press('F2');
    await vera.locator('.theirs.city').waitFor();
    await anna.keyboard.press('ControlOrMeta+A');
    await anna.keyboard.type('Самара');
    await anna.keyboard.press('Enter');
    await cell(vera, name, 'city').getByText('Самара').waitFor({ timeout: 2_000 });
    expect(await rowOf(vera, name).getAttribute('class')).toContain('washed');
    expect(await cell(anna, name, 'city').evaluate((node) => node === document.activeElement)).toBe(
      true,
    );
    await expect.poll(async () => (await customer(name))?.['city']).toBe('Самара');
    await anna.keyboard.press('ControlOrMeta+Z');
    await cell(vera, name, 'city').getByText('Уфа').waitFor({ timeout: 2_000 });
    await Promise.all([anna.context().close(), vera.context().close()]);
  });

  test('Escape leaves a cell as it was, Tab saves it and goes on to the next', async () => {
    const anna = await open({ email: 'anna@demo.test' });
    const name = 'Сеть «Точка»';
    await cell(anna, name, 'email').focus();
    await anna.keyboard.press('Enter');
    await anna.keyboard.type('gone@example.test');
    // The cell has the keyboard at once: the next key may come before the next frame.
    const holder = await anna.evaluate(async () => {
      const init = { key: 'Escape', bubbles: true, cancelable: true };
      document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', init));
      await new Promise((resolve) => setTimeout(resolve));
      return document.activeElement?.getAttribute('data-cell');
    });
    expect(holder).toBe('email');
    expect(await cell(anna, name, 'email').innerText()).toBe('');
    await anna.keyboard.press('Enter');
    await anna.keyboard.type('no address');
    await anna.keyboard.press('Enter');
    expect(await anna.getByRole('alert').innerText()).toBe('This does not look right');
    await anna.keyboard.press('ControlOrMeta+A');
    await anna.keyboard.type('tochka@example.test');
    await anna.keyboard.press('Tab');
    await cell(anna, name, 'phone').locator('input').waitFor();
    await expect.poll(async () => (await customer(name))?.['email']).toBe('tochka@example.test');
    expect((await customer(name))?.['phone']).toBe('+7 843 555-01-20');
    await anna.context().close();
  });

  test('search is blind to case, accents and ё, and knows the other keyboard layout', async () => {
    const anna = await open({ email: 'anna@demo.test' });
    await anna.keyboard.press('/');
    for (const [typed, name] of [
      ['CAFE', 'Nordlicht Café GmbH'],
      ['ПЁКАРНЯ', '«Пекарня на Лесной»'],
      [',b,kbjntrf', 'Библиотека № 14'],
      ['c004', 'Nordlicht Café GmbH'],
    ] as const) {
      await anna.fill('#customer-search', typed);
      await expect.poll(() => anna.locator('[role=row][data-record-id]').count()).toBe(1);
      await rowOf(anna, name).waitFor();
    }
    await anna.fill('#customer-search', 'nobody like this');
    await anna.getByText('No customer fits').waitFor();
    await anna.context().close();
  });

  test('filter and order stand in the address and survive a reload', async () => {
    const anna = await open({ email: 'anna@demo.test' });
    await anna.getByRole('button', { name: /^Prospects/ }).click();
    await anna.getByRole('button', { name: 'In open deals' }).click();
    await anna.waitForURL(/status=prospect.*sort=-sum/);
    const names = () => anna.locator('[role=row] .link').allInnerTexts();
    await expect.poll(async () => (await names())[0]).toBe('АО «Иртыш-отель»');
    const before = await names();
    await anna.reload();
    await anna.locator('[data-record-id]').first().waitFor();
    await expect.poll(names).toEqual(before);
    await anna.context().close();
  });

  test('a row that leaves the filter stays, faded, until the next sort', async () => {
    const anna = await open({ email: 'anna@demo.test', path: '/customers?status=vip' });
    await stage.admin.query(`update crm.customers set status = 'active' where code = 'C016'`);
    const row = anna.locator('[role=row].leaving');
    await row.getByText('No longer matches').waitFor({ timeout: 3_000 });
    expect(await anna.locator('.cfoot').innerText()).toContain('1 customer');
    await anna.getByRole('button', { name: 'Name', exact: true }).click();
    await row.waitFor({ state: 'detached' });
    await anna.context().close();
  });

  test('a customer needs a name; what is wrong is said at its field', async () => {
    const [anna, vera] = await Promise.all([
      open({ email: 'anna@demo.test' }),
      open({ email: 'vera@demo.test' }),
    ]);
    await anna.keyboard.press('c');
    const dialog = anna.getByRole('dialog');
    await dialog.getByLabel('E-mail').fill('wrong');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    const name = dialog.getByLabel('Name');
    await expect.poll(() => name.getAttribute('aria-invalid')).toBe('true');
    expect(await anna.getByRole('alert').allInnerTexts()).toEqual([
      'Fill this in',
      'This does not look right',
    ]);
    await name.fill('Чайная «Облако»');
    await dialog.getByLabel('E-mail').fill('oblako@example.test');
    await anna.keyboard.press('Enter');
    await rowOf(vera, 'Чайная «Облако»').waitFor({ timeout: 3_000 });
    expect(await cell(vera, 'Чайная «Облако»', 'code').innerText()).toBe('C017');
    await anna.getByRole('complementary', { name: 'Чайная «Облако»' }).waitFor();
    await Promise.all([anna.context().close(), vera.context().close()]);
  });

  test('a customer with open deals stays and the deals are named; another goes and comes back', async () => {
    const anna = await open({ email: 'anna@demo.test' });
    await rowOf(anna, '«Вкусный угол»').locator('.city').click();
    await anna.getByRole('button', { name: 'Delete the customer' }).click();
    const refusal = anna.locator('.toast').filter({ hasText: 'has open deals' });
    expect(await refusal.innerText()).toContain('Пять точек');
    await rowOf(anna, '«Вкусный угол»').waitFor();
    await stage.admin.query(`insert into crm.customers (organization_id, id, name, code)
      select organization_id, gen_random_uuid(), 'Ларёк у вокзала', '' from crm.customers limit 1`);
    await rowOf(anna, 'Ларёк у вокзала').locator('.city').click();
    await anna.getByRole('button', { name: 'Delete the customer' }).click();
    await rowOf(anna, 'Ларёк у вокзала').waitFor({ state: 'detached' });
    await expect.poll(() => customer('Ларёк у вокзала')).toBeUndefined();
    await anna.locator('.toast').getByRole('button', { name: 'Undo' }).click();
    await rowOf(anna, 'Ларёк у вокзала').waitFor({ timeout: 3_000 });
    await anna.context().close();
  });

  test('the panel shows deals and who changed what; J and K walk on, Escape goes back', async () => {
    const anna = await open({ email: 'anna@demo.test' });
    await stage.admin.query(`update crm.customers set industry = 'Чай' where code = 'C006'`);
    await cell(anna, '«Пекарня на Лесной»', 'name').locator('a').focus();
    await anna.keyboard.press('Enter');
    const panel = anna.getByRole('complementary');
    await panel.getByText('Кофемашины для двенадцати пекарен').waitFor();
    await panel.locator('.tl-i').filter({ hasText: 'Horeca → Чай' }).waitFor();
    await anna.keyboard.press('j');
    await anna.getByRole('complementary', { name: '«Ритм»' }).waitFor();
    await anna.keyboard.press('k');
    await anna.getByRole('complementary', { name: '«Пекарня на Лесной»' }).waitFor();
    await anna.keyboard.press('Escape');
    await expect
      .poll(() => anna.evaluate(() => document.activeElement?.textContent))
      .toBe('«Пекарня на Лесной»');
    await anna.context().close();
  });

  test('who may only look finds nothing to edit', async () => {
    const vera = await open({ email: 'vera@demo.test' });
    expect(await vera.getByRole('button', { name: 'Customer C' }).count()).toBe(0);
    await cell(vera, '«Ритм»', 'city').focus();
    await vera.keyboard.press('F2');
    expect(await vera.locator('[role=grid] input').count()).toBe(0);
    await vera.context().close();
  });

  test('five thousand customers are a few dozen rows in the page, and the last is a key away', async () => {
    await stage.admin.query(`insert into crm.customers (organization_id, id, name, code)
      select c.organization_id, gen_random_uuid(), 'Яяя ' || n, ''
      from (select organization_id from crm.customers limit 1) c, generate_series(1, 5000) n`);
    const anna = await open({ email: 'anna@demo.test' });
    await expect
      .poll(() => anna.locator('[role=grid]').getAttribute('aria-rowcount'), { timeout: 10_000 })
      .toMatch(/^50\d\d$/);
    expect(await anna.locator('[role=row]').count()).toBeLessThan(60);
    await anna.locator('[role=row] a').first().focus();
    await anna.keyboard.press('End');
    await rowOf(anna, 'Яяя 5000').waitFor();
    await stage.admin.query(`delete from crm.customers where name like 'Яяя %'`);
    await rowOf(anna, 'Яяя 5000').waitFor({ state: 'detached', timeout: 10_000 });
    await anna.context().close();
  });
});

describe('the settings of pipelines', () => {
  test('a stage is added, carried to another place and renamed for everybody', async () => {
    const [anna, vera] = await Promise.all([
      open({ email: 'anna@demo.test', path: '/settings/pipelines' }),
      open({ email: 'vera@demo.test', path: '/settings/pipelines' }),
    ]);
    const stages = (page: Page) =>
      page
        .locator('li[data-stage-id] input[aria-label="Name of the stage"]')
        .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
    const before = await stages(anna);
    const [first = '', second = '', ...rest] = before;
    await anna.getByRole('button', { name: `Move ${first} down` }).click();
    await expect.poll(() => stages(vera)).toEqual([second, first, ...rest]);
    const grip = await anna.locator('li[data-stage-id] .grip').first().boundingBox();
    const target = await anna.locator('li[data-stage-id]').nth(1).boundingBox();
    await anna.mouse.move((grip?.x ?? 0) + 8, (grip?.y ?? 0) + 8);
    await anna.mouse.down();
    await anna.mouse.move((grip?.x ?? 0) + 8, (target?.y ?? 0) + 40, { steps: 4 });
    await anna.mouse.up();
    await expect.poll(() => stages(vera)).toEqual(before);
    await anna.getByPlaceholder('Name of the stage').fill('Пробник');
    await anna.getByRole('button', { name: 'Add a stage' }).click();
    await expect.poll(() => stages(vera)).toContain('Пробник');
    await anna.getByRole('button', { name: 'Delete the stage Пробник' }).click();
    await expect.poll(() => stages(vera)).toEqual(before);
    await Promise.all([anna.context().close(), vera.context().close()]);
  });

  test('deleting a stage with deals asks where they go, and says how many', async () => {
    const anna = await open({ email: 'anna@demo.test', path: '/settings/pipelines' });
    const { rows } = await stage.admin.query<{ name: string; id: string; count: number }>(
      `select s.name, s.id, count(*)::int as count from crm.stages s join crm.deals d on d.stage_id = s.id
       join crm.pipelines p on p.id = s.pipeline_id where s.kind = 'open' and p.is_default
       and s.organization_id = (select id from crm.organizations where slug = 'demo')
       group by s.id, s.name limit 1`,
    );
    const [column] = rows;
    await anna.getByRole('button', { name: `Delete the stage ${column?.name}` }).click();
    const dialog = anna.getByRole('dialog');
    await dialog.getByText(new RegExp(`^${column?.count} deals?$`)).waitFor();
    await dialog.getByRole('button', { name: 'Move and delete' }).click();
    await anna.locator(`[data-stage-id="${column?.id}"]`).waitFor({ state: 'detached' });
    const left = () => stage.admin.query('select from crm.deals where stage_id = $1', [column?.id]);
    await expect.poll(async () => (await left()).rowCount).toBe(0);
    await anna.context().close();
  });

  test('products and exchange rates are kept in small lists that others see change', async () => {
    const [anna, vera] = await Promise.all([
      open({ email: 'anna@demo.test', path: '/settings/products' }),
      open({ email: 'vera@demo.test', path: '/settings/products' }),
    ]);
    await anna.getByPlaceholder('Product', { exact: true }).fill('Сироп');
    await anna.getByPlaceholder('Price').fill('1 200,50');
    await anna.getByRole('button', { name: 'Add', exact: true }).click();
    const price = vera.getByLabel('Price: Сироп');
    await price.waitFor();
    expect(await price.inputValue()).toBe('1200.5');
    expect(await price.isDisabled()).toBe(true);
    await anna.getByRole('button', { name: 'Delete the product Сироп' }).click();
    await price.waitFor({ state: 'detached' });
    await Promise.all(
      [anna, vera].map((page) => page.getByRole('link', { name: 'Exchange rates' }).click()),
    );
    await anna.getByRole('textbox', { name: 'Rate', exact: true }).fill('81,2');
    await anna.getByRole('button', { name: 'Set the rate' }).click();
    const rate = vera.getByLabel(/^Rate: USD/);
    await rate.waitFor();
    expect(await rate.inputValue()).toBe('81.2');
    await Promise.all([anna.context().close(), vera.context().close()]);
  });
});

const looks = [
  { locale: 'en', theme: 'light', width: 1280 },
  { locale: 'ru', theme: 'dark', width: 1280 },
  { locale: 'ru', theme: 'light', width: 390 },
  { locale: 'en', theme: 'dark', width: 390 },
] as const;

test.each(looks)('nothing bars the way: %o', { timeout: 180_000 }, async (look) => {
  const page = await open({ email: 'anna@demo.test', ...look });
  const violations = async (): Promise<string[]> => {
    await page.waitForTimeout(400);
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
      .analyze();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  };
  const isTooWide = (): Promise<boolean> =>
    page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(await violations()).toEqual([]);
  expect(await isTooWide()).toBe(false);
  await rowOf(page, '«Ритм»').locator('.name').click();
  await page.locator('.peek .tl-i').first().waitFor();
  expect(await violations()).toEqual([]);
  await page.keyboard.press('Escape');
  await page.locator('.head .btn.primary').click();
  await page.getByRole('dialog').waitFor();
  expect(await violations()).toEqual([]);
  for (const path of ['pipelines', 'products', 'exchange-rates']) {
    await page.goto(`${stage.server.url}/o/demo/settings/${path}`);
    await page.locator('.line').first().waitFor();
    expect(await violations(), path).toEqual([]);
    expect(await isTooWide(), path).toBe(false);
  }
  await page.context().close();
});

test('no page complained', () => expect(complaints).toEqual([]));
