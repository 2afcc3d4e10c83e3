import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { dragTo } from '#tests/support/screen.ts';
import { demoStage } from '#tests/support/stage.ts';

const demo = demoStage();

const go = (page: Page, path: string) => page.goto(`${demo.server.url}/o/demo/${path}`);

async function valueOf(table: string, column: string, id: string): Promise<unknown> {
  const { rows } = await demo.admin.query<{ value: unknown }>(
    `select ${column} as value from crm.${table} where id = $1`,
    [id],
  );
  return rows[0]?.value;
}

/** By what the last transaction that touched a record was an undo. */
async function lastRun(id: string): Promise<string | null> {
  const { rows } = await demo.admin.query<{ run: string | null }>(
    `select t.run_id as run from sync.change_log l join sync.change_tx t on t.xid = l.xid and t.organization_id = l.organization_id
     where l.id = $1 order by t.pos desc, l.ord desc limit 1`,
    [id],
  );
  return rows[0]?.run ?? null;
}

/** Takes it back by the keyboard, with nothing in hand that would undo its own typing. */
async function takeBack(page: Page): Promise<void> {
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press('Control+z');
}

async function isUndone(id: string): Promise<void> {
  await expect.poll(() => lastRun(id)).toMatch(/^undo:\d+$/);
}

test('Ctrl+Z is an undo wherever I am: board, panel, note, customers, trash, stages', async () => {
  const anna = await demo.open('anna@demo.test');
  const { page } = anna;

  // The board.
  const [from = '', to = ''] = await anna.stages();
  const [id = ''] = await anna.cardsIn(from);
  await dragTo(page, anna.card(id), anna.column(to));
  await expect.poll(() => valueOf('deals', 'stage_id', id)).toBe(to);
  await takeBack(page);
  await anna.column(from).locator(`[data-deal-id="${id}"]`).waitFor();
  await isUndone(id);

  // The deal's panel, and a note on it.
  const title = String(await valueOf('deals', 'title', id));
  await anna.card(id).locator('a').click();
  const panel = page.locator('.peek');
  const field = panel.getByPlaceholder('Write a note');
  await field.fill('To be taken back');
  await field.press('Control+Enter');
  const note = panel.locator('.said', { hasText: 'To be taken back' });
  await note.waitFor();
  await takeBack(page);
  await expect.poll(() => note.count()).toBe(0);
  await panel.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect.poll(() => valueOf('deals', 'title', id)).toBeUndefined();

  // The trash: what was brought back goes again, and then the deletion is undone.
  await go(page, 'trash');
  const row = page.locator('.trash-row', { hasText: title });
  await row.getByRole('button').click();
  await expect.poll(() => valueOf('deals', 'title', id)).toBe(title);
  await takeBack(page);
  await expect.poll(() => valueOf('deals', 'title', id)).toBeUndefined();
  await isUndone(id);
  await takeBack(page);
  await expect.poll(() => valueOf('deals', 'title', id)).toBe(title);

  // The table of customers.
  await go(page, 'customers');
  const city = page.locator('[role=row][data-record-id] .c.city').first();
  await city.waitFor();
  const customer = await city.evaluate(
    (cell) => cell.closest('[data-record-id]')?.getAttribute('data-record-id') ?? '',
  );
  const home = await valueOf('customers', 'city', customer);
  await city.focus();
  await page.keyboard.press('F2');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('Elsewhere');
  await page.keyboard.press('Enter');
  await expect.poll(() => valueOf('customers', 'city', customer)).toBe('Elsewhere');
  await takeBack(page);
  await expect.poll(() => valueOf('customers', 'city', customer)).toBe(home);
  await isUndone(customer);

  // The settings of stages.
  await go(page, 'settings/pipelines');
  const stage = page.locator('[data-stage-id] input').first();
  const was = await stage.inputValue();
  await stage.fill('For a moment');
  await stage.press('Enter');
  const named = async (): Promise<string | undefined> => {
    const { rows } = await demo.admin.query<{ id: string }>(
      `select id from crm.stages where name = 'For a moment'`,
    );
    return rows[0]?.id;
  };
  await expect.poll(named).toBeDefined();
  const stageId = (await named()) ?? '';
  await takeBack(page);
  await expect.poll(() => stage.inputValue()).toBe(was);
  await isUndone(stageId);
  expect(anna.complaints).toEqual([]);
  await anna.close();
});

test('an undo that waits survives a reload, behind the change that it undoes', async () => {
  const anna = await demo.open('anna@demo.test');
  const { page } = anna;
  const [from = '', to = ''] = await anna.stages();
  const [id = ''] = await anna.cardsIn(from);
  // The move was on its way already, so it cannot be as if it had not been made.
  const held = /\/trpc\/(deals\.move|undo\.run)/;
  await page.route(held, (route) => route.abort());
  await dragTo(page, anna.card(id), anna.column(to));
  await anna.column(to).locator(`[data-deal-id="${id}"]`).waitFor();
  await takeBack(page);
  await anna.column(from).locator(`[data-deal-id="${id}"]`).waitFor();
  const pill = page.locator('[data-connection]').first();
  await expect.poll(() => pill.getAttribute('data-unsent')).toBe('2');
  await page.reload();
  await expect.poll(() => pill.getAttribute('data-unsent')).toBe('2');
  await anna.column(from).locator(`[data-deal-id="${id}"]`).waitFor();
  await page.unroute(held);
  await expect.poll(() => pill.getAttribute('data-unsent'), { timeout: 15_000 }).toBe('0');
  await isUndone(id);
  expect(await valueOf('deals', 'stage_id', id)).toBe(from);
  await anna.close();
});
