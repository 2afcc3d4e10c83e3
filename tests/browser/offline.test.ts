import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { openProfile } from '#tests/support/browser.ts';
import { openBoard, signIn } from '#tests/support/screen.ts';
import { demoStage, keepBoard } from '#tests/support/stage.ts';
import { count, keptIn, patience, pill } from '#tests/support/unsent.ts';

const stage = demoStage();
// Each test finds the demo's board as it was: the first column would run out of cards.
// The first column would run out of cards.
keepBoard(stage);

const anna = { email: 'anna@demo.test' };
const open = (who = anna) => openBoard(stage.browser, { url: stage.server.url, email: who.email });

/** The first card of the first column, and the columns from there. */
async function scene(page: Page): Promise<{ deal: string; stages: string[] }> {
  await page.locator('[data-deal-id]').first().waitFor();
  const stages = await page
    .locator('section[data-stage-id]')
    .evaluateAll((all) => all.map((one) => one.getAttribute('data-stage-id') ?? ''));
  const first = page.locator(`[data-stage-id="${stages[0]}"] [data-deal-id]`).first();
  return { deal: (await first.getAttribute('data-deal-id')) ?? '', stages };
}

/** Moves a card a column to the right by the keyboard. */
async function moveRight(page: Page, deal: string): Promise<void> {
  await page.locator(`[data-deal-id="${deal}"]`).focus();
  for (const key of ['Space', 'ArrowRight', 'Space']) await page.keyboard.press(key);
}

const stageOf = async (deal: string): Promise<string | undefined> =>
  (
    await stage.admin.query<{ stage_id: string }>('select stage_id from crm.deals where id = $1', [
      deal,
    ])
  ).rows[0]?.stage_id;

/** How often the log says that a deal came into another stage. */
const movesOf = async (deal: string): Promise<number> =>
  (
    await stage.admin.query(
      `select from sync.change_log where id = $1 and op = 'U' and before ? 'stage_id'`,
      [deal],
    )
  ).rowCount ?? 0;

/** How often a change was carried out, and not only answered. */
const runsOf = async (name: string): Promise<number> =>
  (await stage.admin.query('select from sync.mutations where name = $1', [name])).rowCount ?? 0;

/** Ends the process of a page as a crash does: nothing of it runs any more. */
async function crash(page: Page): Promise<void> {
  const client = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  client.send('Page.crash').catch(() => undefined);
  await crashed;
  await page.close();
}

/** Closes what is said at the foot of the page; answers how much of it is still there. */
const closeToasts = (page: Page): Promise<number> =>
  page.evaluate(() => {
    for (const close of document.querySelectorAll<HTMLElement>('.toast .x')) close.click();
    return document.querySelectorAll('.toast').length;
  });

/** The database refuses every change of this deal, until the answer is called. */
async function refuseMoves(deal: string): Promise<() => Promise<void>> {
  await stage.admin.query(
    `create or replace function crm.say_no() returns trigger language plpgsql as
       $$ begin raise exception 'no' using errcode = '23514'; end $$;
     create trigger aa_no before update on crm.deals for each row
       when (new.id = '${deal}') execute function crm.say_no()`,
  );
  return async () => void (await stage.admin.query('drop trigger aa_no on crm.deals'));
}

describe('a crash', () => {
  test('a tab that crashes offline leaves its changes to the one that is open', async () => {
    const { page, close } = await open();
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.locator('[data-deal-id]').first().waitFor();
    await expect.poll(() => pill(other).getAttribute('data-connection'), patience).toBe('online');
    const { deal, stages } = await scene(page);
    const before = await movesOf(deal);
    await page.context().setOffline(true);
    await moveRight(page, deal);
    await moveRight(page, deal);
    await expect.poll(() => keptIn(other), patience).toBe(2);
    expect(await count(other, 'unsent')).toBe('0');
    await crash(page);
    await expect.poll(() => count(other, 'unsent'), patience).toBe('2');
    await other.locator(`[data-stage-id="${stages[2]}"] [data-deal-id="${deal}"]`).waitFor();
    await other.context().setOffline(false);
    await expect.poll(() => count(other, 'unsent'), patience).toBe('0');
    expect(await stageOf(deal)).toBe(stages[2]);
    expect((await movesOf(deal)) - before).toBe(2);
    await close();
  });

  test('a change whose answer never came is done once, whoever asks again', async () => {
    const { page, close } = await open();
    const { deal, stages } = await scene(page);
    const before = await runsOf('deals.move');
    let arrived = 0;
    await page.context().route('**/trpc/deals.move**', async (route) => {
      await route.fetch();
      arrived += 1;
      await route.abort();
    });
    await moveRight(page, deal);
    await expect.poll(() => arrived, patience).toBeGreaterThan(1);
    expect(await stageOf(deal)).toBe(stages[1]);
    const next = await page.context().newPage();
    await crash(page);
    await next.context().unroute('**/trpc/deals.move**');
    await next.goto(page.url());
    await expect.poll(() => pill(next).getAttribute('data-connection'), patience).toBe('online');
    await expect.poll(() => keptIn(next), patience).toBe(0);
    expect((await runsOf('deals.move')) - before).toBe(1);
    await close();
  });

  test('changes survive a browser that is killed', async () => {
    const profile = await mkdtemp(path.join(tmpdir(), 'syncline-profile-'));
    const first = await openProfile(profile);
    const page = await first.context.newPage();
    await signIn(page, { url: stage.server.url, email: 'boris@demo.test' });
    const { deal, stages } = await scene(page);
    const before = await movesOf(deal);
    await first.context.setOffline(true);
    await moveRight(page, deal);
    await moveRight(page, deal);
    await expect.poll(() => keptIn(page), patience).toBe(2);
    await first.kill();
    const second = await openProfile(profile);
    const again = await second.context.newPage();
    // The cookie may not have been on the disk yet: it is the same person who comes back.
    await signIn(again, { url: stage.server.url, email: 'boris@demo.test' });
    await expect.poll(() => stageOf(deal), patience).toBe(stages[2]);
    await expect.poll(() => keptIn(again), patience).toBe(0);
    expect((await movesOf(deal)) - before).toBe(2);
    await second.context.close();
    await rm(profile, { recursive: true, force: true });
  });
});

describe('the tray', () => {
  test('what is refused stays there through a reload, and can be done again or discarded', async () => {
    const { page, close } = await open();
    const { deal, stages } = await scene(page);
    const allow = await refuseMoves(deal);
    await moveRight(page, deal);
    await expect.poll(() => count(page, 'refused'), patience).toBe('1');
    await page.locator(`[data-stage-id="${stages[0]}"] [data-deal-id="${deal}"]`).waitFor();
    await page.reload();
    await expect.poll(() => count(page, 'refused'), patience).toBe('1');
    await allow();
    await pill(page).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Перенос сделки').waitFor();
    await dialog.getByRole('button', { name: 'Повторить' }).click();
    await expect.poll(() => stageOf(deal), patience).toBe(stages[1]);
    await expect.poll(() => count(page, 'refused'), patience).toBe('0');
    await dialog.getByRole('button', { name: 'Закрыть' }).click();

    const refuse = await refuseMoves(deal);
    await moveRight(page, deal);
    await expect.poll(() => count(page, 'refused'), patience).toBe('1');
    await pill(page).click();
    await dialog.getByRole('button', { name: 'Убрать' }).click();
    await expect.poll(() => count(page, 'refused'), patience).toBe('0');
    await page.reload();
    await expect.poll(() => pill(page).getAttribute('data-connection'), patience).toBe('online');
    expect(await count(page, 'refused')).toBe('0');
    await refuse();
    await close();
  });

  test('a refused change of a tab that is gone lies there too, in every tab', async () => {
    const { page, close } = await open();
    const { deal } = await scene(page);
    const allow = await refuseMoves(deal);
    await page.context().setOffline(true);
    await moveRight(page, deal);
    await expect.poll(() => keptIn(page), patience).toBe(1);
    const [one, two] = [await page.context().newPage(), await page.context().newPage()];
    await crash(page);
    await one.context().setOffline(false);
    await Promise.all([one.goto(page.url()), two.goto(page.url())]);
    for (const tab of [one, two])
      await expect.poll(() => count(tab, 'refused'), patience).toBe('1');
    await pill(one).click();
    await one.getByRole('button', { name: 'Убрать' }).click();
    await expect.poll(() => count(two, 'refused'), patience).toBe('0');
    await allow();
    await close();
  });
});

describe('a browser that keeps nothing', () => {
  const without: Record<string, (page: Page) => Promise<void>> = {
    'no database': async (page) => {
      await page.addInitScript(() =>
        Object.defineProperty(window, 'indexedDB', { get: () => undefined, configurable: true }),
      );
    },
    'a full disk': async (page) => {
      const client = await page.context().newCDPSession(page);
      const { origin } = new URL(stage.server.url);
      await client.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    },
  };

  test.each(Object.entries(without))(
    '%s: the person is told, and nothing is lost',
    async (_, spoil) => {
      const { page, close } = await open();
      await spoil(page);
      await page.reload();
      await expect.poll(() => pill(page).getAttribute('data-connection'), patience).toBe('online');
      const { deal, stages } = await scene(page);
      // The dialog's code comes a while after the page: without it the tray could not be seen offline.
      await pill(page).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Закрыть' }).click();
      await page.context().setOffline(true);
      await moveRight(page, deal);
      await page.locator('.toast', { hasText: 'ничего не хранит' }).waitFor();
      await pill(page).click();
      await page.getByRole('dialog').getByText('ничего не хранит').waitFor();
      await page.keyboard.press('Escape');
      const asked = page.waitForEvent('dialog');
      void page.close({ runBeforeUnload: true });
      const question = await asked;
      expect(question.type()).toBe('beforeunload');
      await question.dismiss();
      await page.context().setOffline(false);
      await expect.poll(() => stageOf(deal), patience).toBe(stages[1]);
      await expect.poll(() => count(page, 'unsent'), patience).toBe('0');
      await close();
    },
  );
});

describe('leaving', () => {
  const databases = (page: Page): Promise<string[]> =>
    page.evaluate(async () => (await indexedDB.databases()).map(({ name = '' }) => name));
  const signOut = async (page: Page): Promise<void> => {
    await page.locator('header .me').click();
    await page.getByRole('menuitem', { name: 'Выйти' }).click();
  };

  test('signing out asks when something is unsent, and empties the browser, other tabs too', async () => {
    const { page, close } = await open();
    const other = await page.context().newPage();
    await other.goto(page.url());
    await expect.poll(() => pill(other).getAttribute('data-connection'), patience).toBe('online');
    const { deal } = await scene(page);
    await page.route('**/trpc/deals.move**', (route) => route.abort());
    await moveRight(page, deal);
    await expect.poll(() => keptIn(page), patience).toBe(1);
    await signOut(page);
    const dialog = page.getByRole('dialog');
    await dialog.getByText('1 правка').waitFor();
    await dialog.getByRole('button', { name: 'Отмена' }).click();
    expect(await keptIn(page)).toBe(1);
    // The answer of the server clears the browser as well: it is the page that is tried here.
    await page.route('**/sign-out', async (route) => {
      expect(await databases(other)).toEqual([]);
      await route.continue();
    });
    await signOut(page);
    await dialog.getByRole('button', { name: 'Удалить и выйти' }).click();
    await page.waitForURL('**/sign-in');
    await other.waitForURL('**/sign-in**');
    expect(await databases(page)).toEqual([]);
    await close();
  });

  test('with nothing unsent it does not ask', async () => {
    const { page, close } = await open();
    await signOut(page);
    await page.waitForURL('**/sign-in');
    expect(await databases(page)).toEqual([]);
    await close();
  });

  test('who is removed sees the rows go at once, and may copy what was never taken', async () => {
    const { page, close } = await open({ email: 'boris@demo.test' });
    const { deal } = await scene(page);
    await page.route('**/trpc/deals.move**', (route) => route.abort());
    await moveRight(page, deal);
    await expect.poll(() => keptIn(page), patience).toBe(1);
    await stage.admin.query(
      `update crm.members set is_active = false where email = 'boris@demo.test'`,
    );
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Перенос сделки').waitFor();
    expect(await page.locator('[data-deal-id]').count()).toBe(0);
    await dialog.getByRole('button', { name: 'Удалить и закрыть' }).click();
    await expect.poll(() => databases(page), patience).toEqual([]);
    await stage.admin.query(
      `update crm.members set is_active = true where email = 'boris@demo.test'`,
    );
    await close();
  });
});

describe('the developer’s view', () => {
  const inspector = (page: Page) => page.getByRole('region', { name: 'Для разработчика' });

  test('it shows position, lag, subscriptions, frames and why a record is seen, and saves them', async () => {
    const { page, close } = await open();
    const { deal, stages } = await scene(page);
    await page.keyboard.press('Control+Shift+D');
    const view = inspector(page);
    await view.getByText('deals.view:all').waitFor();
    await view
      .getByText(/pipelineDeals\//)
      .first()
      .waitFor();
    await stage.admin.query('update crm.deals set stage_id = $1 where id = $2', [stages[1], deal]);
    // Other frames may come beside it, and above it.
    const frame = view.locator('details').filter({ hasText: deal }).first();
    await frame.locator('summary').click();
    await frame.getByText(deal).waitFor();
    await view.getByText(/^\d[\d\s]* мс$/).waitFor();
    const metrics = await (await fetch(`${stage.server.url}/metrics`)).text();
    expect(metrics).toMatch(/live_socket_to_applied_seconds_count [1-9]/);

    await view.getByLabel('Номер').fill(deal);
    await view.getByRole('button', { name: 'Спросить' }).click();
    await view.getByText('Открывается ключом: deals.view:all').waitFor();
    await view.getByText(/В этом браузере она есть, по подпискам: pipelineDeals/).waitFor();
    await view.getByLabel('Номер').fill(randomUUID());
    await view.getByRole('button', { name: 'Спросить' }).click();
    await view.getByText('Нет такой записи').waitFor();

    const saving = page.waitForEvent('download');
    await view.getByRole('button', { name: 'Сохранить для отчёта' }).click();
    const saved = JSON.parse(await readFile(await (await saving).path(), 'utf8')) as {
      position: number;
      frames: { arrivals: { id: string }[] }[];
    };
    expect(saved.position).toBeGreaterThan(0);
    expect(saved.frames.flatMap(({ arrivals }) => arrivals).map(({ id }) => id)).toContain(deal);
    await page.keyboard.press('Escape');
    await expect.poll(() => view.count(), patience).toBe(0);
    await close();
  });

  const looks = [
    { locale: 'ru-RU', colorScheme: 'light', width: 1280 },
    { locale: 'en-GB', colorScheme: 'dark', width: 1280 },
    { locale: 'ru-RU', colorScheme: 'dark', width: 390 },
    { locale: 'en-GB', colorScheme: 'light', width: 390 },
  ] as const;

  test.each(looks)(
    'no violation in the tray and the view: $locale, $colorScheme, $width',
    async ({ locale, colorScheme, width }) => {
      const viewport = { width, height: 844 };
      const { page, close } = await openBoard(stage.browser, {
        url: stage.server.url,
        ...anna,
        options: { locale, colorScheme, viewport },
      });
      const audit = async (): Promise<string[]> =>
        (await new AxeBuilder({ page }).analyze()).violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
        );
      const { deal } = await scene(page);
      const allow = await refuseMoves(deal);
      await moveRight(page, deal);
      await expect.poll(() => count(page, 'refused'), patience).toBe('1');
      await allow();
      await page.route('**/trpc/deals.move**', (route) => route.abort());
      await moveRight(page, deal);
      // One that fades away has no colours of its own.
      await expect.poll(() => closeToasts(page), patience).toBe(0);
      await pill(page).click();
      await page.getByRole('dialog').waitFor();
      expect(await audit()).toEqual([]);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+Shift+D');
      await page.locator('.inspector').waitFor();
      expect(await audit()).toEqual([]);
      await close();
    },
  );
});
