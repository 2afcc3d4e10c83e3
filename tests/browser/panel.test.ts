import { describe, expect, test } from 'vitest';
import { dragTo, type Screen } from '#tests/support/screen.ts';
import { demoStage } from '#tests/support/stage.ts';

const demo = demoStage();

const { open } = demo;

const firstDeal = async (screen: Screen): Promise<string> => {
  const [stage = ''] = await screen.stages();
  const [deal = ''] = await screen.cardsIn(stage);
  return deal;
};

async function openPanel(screen: Screen, deal: string) {
  await screen.card(deal).locator('a').click();
  const panel = screen.page.locator('.peek');
  await panel.locator('h2').waitFor();
  return panel;
}

describe('the panel of a deal', () => {
  test('products are added and removed, and the other one who looks sees them come and go', async () => {
    const [anna, vera] = await Promise.all([open('anna@demo.test'), open('vera@demo.test')]);
    const deal = await firstDeal(anna);
    const [panel, other] = [await openPanel(anna, deal), await openPanel(vera, deal)];
    await demo.admin.query('delete from crm.deal_products where deal_id = $1', [deal]);
    const choice = panel.getByLabel('Add a product');
    const [, product = ''] = await choice.locator('option').allTextContents();
    await choice.selectOption({ label: product });
    await panel.locator('.lines .li', { hasText: product }).waitFor();
    await other.locator('.lines .li', { hasText: product }).waitFor();
    expect(await other.getByLabel('Add a product').count()).toBe(0);
    const kept = await demo.admin.query('select 1 from crm.deal_products where deal_id = $1', [
      deal,
    ]);
    expect(kept.rowCount).toBe(1);
    await panel.locator('.lines .li').getByRole('button').click();
    await expect.poll(() => other.locator('.lines .li').count()).toBe(0);
    expect([...anna.complaints, ...vera.complaints]).toEqual([]);
    await Promise.all([anna.close(), vera.close()]);
  });

  test('a note stands in the history of everybody who looks, and can be told from changes', async () => {
    const [anna, vera] = await Promise.all([open('anna@demo.test'), open('vera@demo.test')]);
    const deal = await firstDeal(anna);
    const [panel, other] = [await openPanel(anna, deal), await openPanel(vera, deal)];
    expect(await other.getByPlaceholder('Write a note').count()).toBe(0);
    await panel.getByPlaceholder('Write a note').fill('They want <b>two</b> machines\nnot one');
    await anna.page.keyboard.press('Control+Enter');
    const said = other.locator('.said');
    await said.waitFor();
    expect(await said.textContent()).toBe('They want <b>two</b> machines\nnot one');
    expect(await panel.getByPlaceholder('Write a note').inputValue()).toBe('');
    await other.getByRole('button', { name: 'Changes', exact: true }).click();
    await expect.poll(() => said.count()).toBe(0);
    await other.getByRole('button', { name: 'Notes', exact: true }).click();
    await expect.poll(() => other.locator('.tl-i').count()).toBe(1);
    await panel.getByRole('button', { name: 'Remove the note' }).click();
    await expect.poll(() => said.count()).toBe(0);
    await Promise.all([anna.close(), vera.close()]);
  });

  test('J and K go through the cards, open or not; G then C and G then B change the screen', async () => {
    const anna = await open('anna@demo.test');
    const { page } = anna;
    const [stage = ''] = await anna.stages();
    const [first = '', second = ''] = await anna.cardsIn(stage);
    const focused = () =>
      page.evaluate(() => document.activeElement?.getAttribute('data-deal-id') ?? '');
    const opened = () => new URL(page.url()).searchParams.get('deal');
    await anna.card(first).focus();
    await page.keyboard.press('j');
    expect(await focused()).toBe(second);
    await page.keyboard.press('k');
    expect(await focused()).toBe(first);
    await page.keyboard.press('Enter');
    await page.locator('.peek h2').waitFor();
    await page.keyboard.press('j');
    await expect.poll(opened).toBe(second);
    await page.keyboard.press('k');
    await expect.poll(opened).toBe(first);
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.waitForURL('**/customers');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.locator('.ctable').waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await page.waitForURL('**/deals');
    await page.locator('[data-deal-id]').first().waitFor();
    await page.keyboard.press('Shift+Slash');
    const sheet = page.getByRole('dialog');
    for (const meaning of ['Next and previous deal', 'Go to the board', 'Go to the customers'])
      await sheet.getByText(meaning).waitFor();
    await anna.close();
  });
});

describe('what a person chooses for cards', () => {
  test('is there in the next window too, and nobody else’s', async () => {
    const [anna, boris] = await Promise.all([open('anna@demo.test'), open('boris@demo.test')]);
    const owners = (screen: Screen) => screen.page.locator('.deal .ft .av').count();
    const before = await owners(boris);
    expect(await owners(anna)).toBeGreaterThan(0);
    await anna.page.getByRole('button', { name: 'What cards show' }).click();
    await anna.page.getByRole('menuitem', { name: 'Owner' }).click();
    await anna.page.getByRole('menuitem', { name: 'Next activity' }).click();
    await expect.poll(() => owners(anna)).toBe(0);
    await expect.poll(() => anna.page.locator('.deal .ln').count()).toBe(0);
    const again = await open('anna@demo.test');
    expect(await owners(again)).toBe(0);
    expect(await owners(boris)).toBe(before);
    expect(await again.page.locator('.deal .ft .amt').count()).toBeGreaterThan(0);
    await Promise.all([anna, boris, again].map((screen) => screen.close()));
  });
});

describe('totals', () => {
  const watchRolls = (screen: Screen, stage: string) =>
    screen.column(stage).evaluate((column) => {
      const seen = { digits: 0 };
      Object.assign(window, { seen });
      new MutationObserver((all) => {
        for (const { addedNodes } of all)
          for (const node of addedNodes)
            if (node instanceof HTMLElement && node.matches('.rolling'))
              seen.digits += node.querySelectorAll('.digit').length;
      }).observe(column, { childList: true, subtree: true });
    });
  const rolled = (screen: Screen) =>
    screen.page.evaluate(() => (window as unknown as { seen: { digits: number } }).seen.digits);

  test('roll their changed digits, and end as plain text', async () => {
    const anna = await open('anna@demo.test');
    const [from = '', to = ''] = await anna.stages();
    const [deal = ''] = await anna.cardsIn(from);
    const count = anna.column(to).locator('.col-h .n');
    const before = Number(await count.textContent());
    await watchRolls(anna, to);
    await dragTo(anna.page, anna.card(deal), anna.column(to));
    await expect.poll(() => rolled(anna)).toBeGreaterThan(0);
    await expect.poll(() => anna.page.locator('.rolling').count()).toBe(0);
    expect(await count.textContent()).toBe(String(before + 1));
    expect(anna.complaints).toEqual([]);
    await anna.close();
  });

  test('do not roll for those who want less motion', async () => {
    const anna = await open('anna@demo.test', { reducedMotion: 'reduce' });
    const [from = '', to = ''] = await anna.stages();
    const [deal = ''] = await anna.cardsIn(from);
    const count = anna.column(to).locator('.col-h .n');
    const before = Number(await count.textContent());
    await watchRolls(anna, to);
    await dragTo(anna.page, anna.card(deal), anna.column(to));
    await expect.poll(() => count.textContent()).toBe(String(before + 1));
    expect(await rolled(anna)).toBe(0);
    await anna.close();
  });
});
