import type { Kysely } from 'kysely';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { DB } from '#db/types.ts';
import type { Config } from './config.ts';
import type { LiveServer } from './live/server.ts';

/** The running parts, put together in main.ts. `db` is for the platform's tables, which have no tenant. */
export interface App {
  config: Config;
  log: Logger;
  pool: Pool;
  db: Kysely<DB>;
  live: LiveServer;
}

// Kit's build carries its own copy of this module: the symbol is what both copies share.
const key = Symbol.for('syncline.app');
const holder = globalThis as { [key]?: App };

export function setApp(app: App): void {
  holder[key] = app;
}

export function getApp(): App {
  const app = holder[key];
  if (!app) throw new Error('The server is not put together yet');
  return app;
}
