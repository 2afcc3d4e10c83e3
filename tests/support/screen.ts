import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright';

const password = 'demo-syncline';

/** Somebody's browser window with the board open. */
export interface Screen {
  page: Page;
  /** What the browser complained about: errors of scripts and of the content security policy. */
  complaints: string[];
  card(id: string): Locator;
  column(stageId: string): Locator;
  /** Ids of the cards of a column from the top. */
  cardsIn(stageId: string): Promise<string[]>;
  /** Stage ids of the open columns, in order. */
  stages(): Promise<string[]>;
  close(): Promise<void>;
}

/** Signs in through the page and waits for the cards. */
export async function openBoard(
  browser: Browser,
  { url, email, options = {} }: { url: string; email: string; options?: BrowserContextOptions },
): Promise<Screen> {
  const { locale = 'ru-RU' } = options;
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale,
    ...options,
  });
  // Else the person's own language would take the place of the one that is asked for.
  await context.addCookies([{ name: 'locale', value: locale.slice(0, 2), url }]);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await signIn(page, { url, email });
  return {
    page,
    complaints,
    card: (id) => page.locator(`[data-deal-id="${id}"]`),
    column: (stageId) => page.locator(`[data-stage-id="${stageId}"]`),
    cardsIn: (stageId) =>
      page
        .locator(`[data-stage-id="${stageId}"] [data-deal-id]`)
        .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-deal-id') ?? '')),
    stages: () =>
      page
        .locator('section[data-stage-id]')
        .evaluateAll((columns) =>
          columns.map((column) => column.getAttribute('data-stage-id') ?? ''),
        ),
    close: () => context.close(),
  };
}

/** Signs in through the page and waits for the cards; who is signed in already is sent on. */
export async function signIn(page: Page, { url, email }: { url: string; email: string }) {
  await page.goto(`${url}/sign-in`);
  await page.locator('input[name=email], [data-deal-id]').first().waitFor();
  if (new URL(page.url()).pathname.endsWith('/deals')) return;
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.press('input[name=password]', 'Enter');
  await page.waitForURL('**/deals');
  await page.locator('[data-deal-id]').first().waitFor();
}

/** Drags with the mouse, as a hand does: a few steps, then the drop. */
export async function dragTo(page: Page, from: Locator, to: Locator): Promise<void> {
  await lift(page, from);
  const target = await boxOf(to);
  await page.mouse.move(target.x + target.width / 2, target.y + 120, { steps: 6 });
  await page.mouse.up();
}

/** Takes a card up and keeps holding it. */
export async function lift(page: Page, card: Locator): Promise<void> {
  const box = await boxOf(card);
  await page.mouse.move(box.x + box.width / 2, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 12, box.y + 26, { steps: 3 });
}

async function boxOf(
  locator: Locator,
): Promise<{ x: number; y: number; width: number; height: number }> {
  const box = await locator.boundingBox();
  if (!box) throw new Error('It is not on the screen');
  return box;
}
