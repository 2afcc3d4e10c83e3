import { access, constants } from 'node:fs/promises';
import * as path from 'node:path';
import { connect, type Connection } from '#db/connect.ts';
import { useDatabase } from '#db/database.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { Flush } from '../live/flush.ts';
import { help, type ImportArguments, readArguments, UsageError } from './arguments.ts';
import { UnreadableFile } from './csv.ts';
import { BadMapping } from './mapping.ts';
import { findOrganization } from './organization.ts';
import { analyze } from './analyze.ts';
import { Report } from './report.ts';
import { importTable } from './run.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (!given) {
    process.stdout.write(help);
    return 0;
  }
  await assertWritable(path.dirname(given.refusedFile));
  const config = readConfig();
  const database = await useDatabase({ ...config, log: quiet });
  const connection = connect({
    url: config.databaseAppUrl ?? database.url,
    max: 3,
    name: 'import',
  });
  try {
    return await runImport(given, { connection, config, url: database.url });
  } finally {
    await connection.close();
    await database.stop();
  }
}

async function assertWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch {
    throw new UsageError(`Refused rows cannot be written into ${folder}: say --refused.`);
  }
}

async function runImport(
  given: ImportArguments,
  { connection, config, url }: { connection: Connection; config: Config; url: string },
): Promise<number> {
  const stop = new AbortController();
  // More than once: Ctrl-C reaches every process of `npm run`, and the one above hands it on.
  process.on('SIGINT', () => stop.abort());
  process.on('SIGTERM', () => stop.abort());
  const organization = await findOrganization(connection, {
    slug: given.organization,
    ownerUrl: config.databaseAppUrl ? undefined : url,
  });
  const live = {
    pool: connection.pool,
    flush: new Flush(connection.pool),
    poke: () => undefined,
    analyze: () => analyze(url),
  };
  const report = new Report(given, organization);
  const summary = await importTable(live, { ...given, organization, signal: stop.signal }, report);
  report.finish(summary);
  return summary.stopped === undefined ? 0 : 1;
}

main()
  .then((code) => {
    process.exitCode = code;
  })
  .catch((error: unknown) => {
    const { message, code } = explain(error);
    process.stderr.write(`${message}\n`);
    process.exitCode = code;
  });

function explain(error: unknown): { message: string; code: number } {
  if (error instanceof UsageError) {
    return { message: `${error.message}\nnpm run import -- --help says more.`, code: 2 };
  }
  if (error instanceof BadMapping || error instanceof ConfigError) {
    return { message: error.message, code: 2 };
  }
  if (error instanceof UnreadableFile) return { message: error.message, code: 1 };
  const reason = error instanceof Error && 'code' in error ? error.code : undefined;
  if (reason === 'ENOENT' || reason === 'EISDIR' || reason === 'EACCES') {
    return { message: `The file cannot be read: ${String(error)}`, code: 2 };
  }
  if (reason === '42P01' || reason === '3F000' || reason === '22023' || reason === '42704') {
    return {
      message: 'The database is not set up yet: run npm start or npm run migrate once.',
      code: 1,
    };
  }
  return {
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    code: 1,
  };
}
