import { AxeBuilder } from '@axe-core/playwright';
import { describe, expect, test } from 'vitest';
import { dragTo, lift, openBoard, type Screen } from '#tests/support/screen.ts';
import { demoStage, keepBoard } from '#tests/support/stage.ts';

const stage = demoStage();
// Each test finds the demo's board as it was: the first column would run out of cards.
// The first column would run out of cards.
keepBoard(stage);

const open = (email: string, options = {}): Promise<Screen> =>
  openBoard(stage.browser, { url: stage.server.url, email, options });

/** The first two open columns and the first card of the first. */
async function scene(screen: Screen): Promise<{ from: string; to: string; deal: string }> {
  const [from = '', to = ''] = await screen.stages();
  const [deal = ''] = await screen.cardsIn(from);
  return { from, to, deal };
}

const stageInDatabase = async (deal: string): Promise<string | undefined> =>
  (
    await stage.admin.query<{ stage_id: string }>('select stage_id from crm.deals where id = $1', [
      deal,
    ])
  ).rows[0]?.stage_id;

describe('two people at one board', () => {
  test('a card dragged by one moves on the screen of the other, and the totals tick', async () => {
    const [anna, vera] = await Promise.all([open('anna@demo.test'), open('vera@demo.test')]);
    const { from, to, deal } = await scene(anna);
    const before = Number(await vera.column(to).locator('.n').first().textContent());
    await dragTo(anna.page, anna.card(deal), anna.column(to));
    expect(await anna.cardsIn(to)).toContain(deal);
    await vera.column(to).locator(`[data-deal-id="${deal}"]`).waitFor({ timeout: 2_000 });
    expect(await vera.cardsIn(from)).not.toContain(deal);
    await expect
      .poll(async () => Number(await vera.column(to).locator('.n').first().textContent()))
      .toBe(before + 1);
    expect([...anna.complaints, ...vera.complaints]).toEqual([]);
    await Promise.all([anna.close(), vera.close()]);
  });

  test('with the server held for three seconds the card is in its place two frames after the drop', async () => {
    const anna = await open('anna@demo.test');
    const { to, deal } = await scene(anna);
    const count = Number(await anna.column(to).locator('.n').first().textContent());
    await anna.page.route('**/trpc/deals.move**', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await route.continue();
    });
    await lift(anna.page, anna.card(deal));
    const target = await anna.column(to).boundingBox();
    await anna.page.mouse.move((target?.x ?? 0) + 100, (target?.y ?? 0) + 130, { steps: 5 });
    const seen = anna.page.evaluate(
      ([dealId, stageId]) =>
        new Promise<{ isThere: boolean; count: string }>((resolve) => {
          const look = (): void =>
            resolve({
              isThere: Boolean(
                document.querySelector(`[data-stage-id="${stageId}"] [data-deal-id="${dealId}"]`),
              ),
              count: document.querySelector(`[data-stage-id="${stageId}"] .n`)?.textContent ?? '',
            });
          addEventListener(
            'pointerup',
            () => requestAnimationFrame(() => requestAnimationFrame(look)),
            { once: true },
          );
        }),
      [deal, to],
    );
    await anna.page.waitForTimeout(100);
    await anna.page.mouse.up();
    expect(await seen).toEqual({ isThere: true, count: String(count + 1) });
    await expect.poll(() => stageInDatabase(deal), { timeout: 8_000 }).toBe(to);
    await anna.close();
  });

  test('a move that is refused goes back with the reason', async () => {
    const anna = await open('anna@demo.test');
    const { from, to, deal } = await scene(anna);
    await stage.admin.query(
      `create function crm.say_no() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = '23514'; end $$`,
    );
    await stage.admin.query(
      `create trigger aa_no before update on crm.deals for each row when (new.id = '${deal}') execute function crm.say_no()`,
    );
    await dragTo(anna.page, anna.card(deal), anna.column(to));
    await anna.column(from).locator(`[data-deal-id="${deal}"]`).waitFor();
    await expect.poll(() => anna.page.locator('.toast').count()).toBeGreaterThan(0);
    await stage.admin.query('drop trigger aa_no on crm.deals; drop function crm.say_no()');
    await anna.close();
  });

  test('undo by Ctrl+Z puts the card back for everybody', async () => {
    const [anna, vera] = await Promise.all([open('anna@demo.test'), open('vera@demo.test')]);
    const { from, to, deal } = await scene(anna);
    await dragTo(anna.page, anna.card(deal), anna.column(to));
    await vera.column(to).locator(`[data-deal-id="${deal}"]`).waitFor();
    await anna.page.keyboard.press('Control+z');
    await vera.column(from).locator(`[data-deal-id="${deal}"]`).waitFor();
    await Promise.all([anna.close(), vera.close()]);
  });

  test('who carries a card is seen by the other; who is here comes and goes', async () => {
    const vera = await open('vera@demo.test');
    const anna = await open('anna@demo.test');
    await expect
      .poll(() => vera.page.locator('header .stack .av').count(), { timeout: 1_500 })
      .toBeGreaterThanOrEqual(2);
    const { deal } = await scene(anna);
    await lift(anna.page, anna.card(deal));
    await vera.page.locator(`[data-deal-id="${deal}"].other`).waitFor({ timeout: 1_500 });
    await anna.page.keyboard.press('Escape');
    await anna.page.mouse.up();
    await expect.poll(() => vera.page.locator(`[data-deal-id="${deal}"].other`).count()).toBe(0);
    await anna.close();
    await expect
      .poll(() => vera.page.locator('header .stack .av').count(), { timeout: 5_000 })
      .toBe(1);
    await vera.close();
  });

  test('what is changed in the database moves on the open board', async () => {
    const vera = await open('vera@demo.test');
    const { to, deal } = await scene(vera);
    await stage.admin.query('update crm.deals set stage_id = $1 where id = $2', [to, deal]);
    await vera.column(to).locator(`[data-deal-id="${deal}"]`).waitFor({ timeout: 2_000 });
    await vera.close();
  });
});

describe('one person', () => {
  test('who may only look cannot lift a card', async () => {
    const vera = await open('vera@demo.test');
    const { from, to, deal } = await scene(vera);
    await dragTo(vera.page, vera.card(deal), vera.column(to));
    expect(await vera.cardsIn(from)).toContain(deal);
    expect(await stageInDatabase(deal)).toBe(from);
    await vera.close();
  });

  test('the keyboard moves a card and keeps the focus on it', async () => {
    const anna = await open('anna@demo.test');
    const { to, deal } = await scene(anna);
    await anna.card(deal).focus();
    await anna.page.keyboard.press('Space');
    await anna.page.keyboard.press('ArrowRight');
    await anna.page.keyboard.press('Space');
    await expect.poll(() => stageInDatabase(deal)).toBe(to);
    expect(
      await anna.page.evaluate(() => document.activeElement?.getAttribute('data-deal-id')),
    ).toBe(deal);
    await anna.close();
  });

  test('a card dropped on Won asks first, and cancelling puts it back', async () => {
    const anna = await open('anna@demo.test');
    const { from, deal } = await scene(anna);
    await lift(anna.page, anna.card(deal));
    const dock = await anna.page.locator('.dock > *').first().boundingBox();
    await anna.page.mouse.move((dock?.x ?? 0) + 60, (dock?.y ?? 0) + 20, { steps: 8 });
    await anna.page.mouse.up();
    await anna.page.getByRole('dialog').waitFor();
    await anna.page.keyboard.press('Escape');
    await anna.column(from).locator(`[data-deal-id="${deal}"]`).waitFor();
    expect(await stageInDatabase(deal)).toBe(from);
    await anna.close();
  });

  test('without a line changes wait, are counted, and arrive once', async () => {
    const anna = await open('anna@demo.test');
    const [first = '', second = '', third = ''] = await anna.stages();
    const [deal = ''] = await anna.cardsIn(first);
    const pill = anna.page.locator('[data-connection]').first();
    await anna.page.context().setOffline(true);
    await expect.poll(() => pill.getAttribute('data-connection')).toBe('offline');
    await anna.card(deal).focus();
    for (const key of ['Space', 'ArrowRight', 'Space', 'Space', 'ArrowRight', 'Space'])
      await anna.page.keyboard.press(key);
    await expect.poll(() => pill.getAttribute('data-unsent')).toBe('2');
    expect(await anna.cardsIn(third)).toContain(deal);
    const { rows: before } = await stage.admin.query<{ n: number }>(
      `select count(*)::int n from sync.change_log where id = $1`,
      [deal],
    );
    await anna.page.context().setOffline(false);
    await expect.poll(() => pill.getAttribute('data-unsent'), { timeout: 10_000 }).toBe('0');
    await expect
      .poll(() => pill.getAttribute('data-connection'), { timeout: 10_000 })
      .toBe('online');
    const { rows: after } = await stage.admin.query<{ n: number }>(
      `select count(*)::int n from sync.change_log where id = $1`,
      [deal],
    );
    expect((after[0]?.n ?? 0) - (before[0]?.n ?? 0)).toBe(2);
    expect(await stageInDatabase(deal)).toBe(third);
    expect(second).not.toBe('');
    await anna.close();
  });

  test('changes that wait survive a reload', async () => {
    const anna = await open('anna@demo.test');
    const [first = '', second = ''] = await anna.stages();
    const [deal = ''] = await anna.cardsIn(first);
    const pill = anna.page.locator('[data-connection]').first();
    await anna.page.route('**/trpc/deals.move**', (route) => route.abort());
    await anna.card(deal).focus();
    for (const key of ['Space', 'ArrowRight', 'Space']) await anna.page.keyboard.press(key);
    await expect.poll(() => pill.getAttribute('data-unsent')).toBe('1');
    await anna.page.reload();
    await anna.column(second).locator(`[data-deal-id="${deal}"]`).waitFor();
    expect(await stageInDatabase(deal)).toBe(first);
    await anna.page.unroute('**/trpc/deals.move**');
    await expect.poll(() => stageInDatabase(deal), { timeout: 15_000 }).toBe(second);
    await expect.poll(() => pill.getAttribute('data-unsent')).toBe('0');
    await anna.close();
  });

  test('a finger held long lifts a card; a swipe does not', async () => {
    const anna = await open('anna@demo.test', {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 390, height: 844 },
    });
    const box = await anna.page.locator('[data-deal-id]').first().boundingBox();
    const client = await anna.page.context().newCDPSession(anna.page);
    const x = (box?.x ?? 0) + 60;
    const y = (box?.y ?? 0) + 30;
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', toY: number) =>
      client.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: type === 'touchEnd' ? [] : [{ x, y: toY }],
      });
    await touch('touchStart', y);
    await touch('touchMove', y - 60);
    await touch('touchEnd', y);
    expect(await anna.page.locator('.lift').count()).toBe(0);
    await touch('touchStart', y);
    await anna.page.waitForTimeout(400);
    await touch('touchMove', y + 8);
    await expect.poll(() => anna.page.locator('.lift').count()).toBe(1);
    await touch('touchEnd', y + 8);
    await anna.close();
  });
});

describe('accessibility', () => {
  const looks = [
    { locale: 'ru-RU', colorScheme: 'light', width: 1280 },
    { locale: 'en-GB', colorScheme: 'dark', width: 1280 },
    { locale: 'ru-RU', colorScheme: 'dark', width: 390 },
    { locale: 'en-GB', colorScheme: 'light', width: 390 },
  ] as const;

  test.each(looks)(
    'no violation on the board and in the panel: $locale, $colorScheme, $width',
    async (look) => {
      const { locale, colorScheme, width } = look;
      const anna = await open('anna@demo.test', {
        locale,
        colorScheme,
        viewport: { width, height: 844 },
      });
      const audit = async (): Promise<string[]> =>
        (await new AxeBuilder({ page: anna.page }).analyze()).violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
        );
      expect(await audit()).toEqual([]);
      await anna.page.locator('[data-deal-id] a').first().click();
      await anna.page.locator('.peek').waitFor();
      await anna.page.waitForTimeout(400);
      expect(await audit()).toEqual([]);
      await anna.close();
    },
  );
});
