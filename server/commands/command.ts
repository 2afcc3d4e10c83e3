import { pino } from 'pino';
import type { Logger } from 'pino';
import { useDatabase } from '#db/database.ts';
import { type Config, readConfig } from '../config.ts';
import { explain } from '../explain.ts';
import { createLog } from '../log.ts';

export interface Tools {
  config: Config;
  /** Writes to standard error; the command's own words go to standard output. */
  log: Logger;
  /** The database of the running server, else one started for this command. */
  url: string;
}

/**
 * Runs a command line tool beside a server or without one, and ends the process: 0, or 1 with the reason
 * on standard error.
 */
export async function runCommand(run: (tools: Tools) => Promise<void>): Promise<never> {
  let code = 0;
  try {
    const config = readConfig();
    const level = config.logLevel === 'info' ? 'warn' : config.logLevel;
    const log = createLog({ logLevel: level }, pino.destination({ dest: 2, sync: true }));
    const database = await useDatabase({ ...config, log });
    try {
      await run({ config, log, url: database.url });
    } finally {
      await database.stop();
    }
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    code = 1;
  }
  process.exit(code);
}
