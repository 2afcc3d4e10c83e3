import type { Browser } from 'playwright';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
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
  const stage = {
    open: (email: string, options = {}) =>
      openBoard(stage.browser, {
        url: stage.server.url,
        email,
        options: { locale: 'en-GB', ...options },
      }),
  } as Stage;
  beforeAll(async () => {
    [stage.server, stage.browser] = await Promise.all([startServer({ demo: true }), openBrowser()]);
    stage.admin = new pg.Client({ connectionString: stage.server.databaseUrl });
    await stage.admin.connect();
  });
  afterAll(async () => {
    await stage.browser.close();
    await stage.admin.end();
    await stage.server.stop();
  });
  return stage;
}
