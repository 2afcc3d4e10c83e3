import { createReadStream, existsSync } from 'node:fs';
import { migrate } from '#db/migrate.ts';
import { restore } from '#db/restore.ts';
import { CommandError } from '../explain.ts';
import { runCommand } from './command.ts';

await runCommand(async ({ url, log }) => {
  const file = process.argv[2];
  if (!file) throw new CommandError('usage: npm run restore -- FILE');
  if (!existsSync(file)) throw new CommandError(`There is no file ${file}.`);
  await migrate({ url, log });
  const rows = await restore({ url, from: createReadStream(file) }).catch((error: unknown) => {
    throw error instanceof Error && error.name === 'RestoreRefused'
      ? new CommandError(error.message)
      : error;
  });
  const sum = Object.values(rows).reduce((total, count) => total + count, 0);
  process.stdout.write(`${sum} rows of ${Object.keys(rows).length} tables are back\n`);
});
