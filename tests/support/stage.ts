import type { Browser, Page } from 'playwright';
import pg from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { openBrowser } from '#tests/support/browser.ts';
import { openBoard, type Screen } from '#tests/support/screen.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

/** A server with the demo, a browser, and an administrator in psql; there from the first test to the last. */
export interface Stage {
  server: TestServer;
  browser: Browser;
  admin: pg.Client;
  /** Somebody's window with the board open, in English unless said. */
  open(email: string, options?: object): Promise<Screen>;
}

export function demoStage(): Stage {
  const stage = demoServer() as Stage;
  stage.open = (email, options = {}) =>
    openBoard(stage.browser, {
      url: stage.server.url,
      email,
      options: { locale: 'en-GB', ...options },
    });
  beforeAll(async () => {
    stage.browser = await openBrowser();
  });
  afterAll(() => stage.browser.close());
  return stage;
}

/** The same without a browser. */
export function demoServer(): Pick<Stage, 'server' | 'admin'> {
  const stage = {} as Stage;
  beforeAll(async () => {
    stage.server = await startServer({ demo: true });
    stage.admin = new pg.Client({ connectionString: stage.server.databaseUrl });
    await stage.admin.connect();
  });
  afterAll(async () => {
    await stage.admin.end();
    await stage.server.stop();
  });
  return stage;
}

/** Somebody's window at a page of the demo organization, by signing in. */
export async function openAt(
  { server, browser }: Stage,
  path: string,
  { email = 'anna@demo.test', locale = 'en', theme = 'light', width = 1280 } = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 800 } });
  const cookies = Object.entries({ locale, theme });
  await context.addCookies(cookies.map(([name, value]) => ({ name, value, url: server.url })));
  const page = await context.newPage();
  await page.goto(`${server.url}/sign-in?next=${encodeURIComponent(`/o/demo${path}`)}`);
  await page.fill('[name=email]', email);
  await page.fill('[name=password]', 'demo-syncline');
  await page.click('button.primary');
  await page.waitForURL(`**/o/demo${path}`);
  return page;
}

/** Every deal stands again where it stood in the demo, after each test. */
export function keepBoard(stage: Pick<Stage, 'admin'>): void {
  beforeAll(() =>
    stage.admin.query('create temp table board_before as select id, stage_id, rank from crm.deals'),
  );
  afterEach(() =>
    stage.admin.query(
      `update crm.deals d set stage_id = b.stage_id, rank = b.rank from board_before b
       where d.id = b.id and (d.stage_id, d.rank) <> (b.stage_id, b.rank)`,
    ),
  );
}
