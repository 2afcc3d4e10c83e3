import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { backup } from '#db/backup.ts';
import { CommandError } from '../explain.ts';
import { runCommand } from './command.ts';

await runCommand(async ({ url }) => {
  const file = process.argv[2];
  if (!file) throw new CommandError('usage: npm run backup -- FILE');
  // Written beside and renamed: a file of this name is a whole backup.
  const draft = `${file}.${process.pid}.part`;
  try {
    const rows = await backup({ url, to: createWriteStream(draft, { mode: 0o600 }) });
    await rename(draft, file);
    const sum = Object.values(rows).reduce((total, count) => total + count, 0);
    process.stdout.write(`${file}: ${sum} rows of ${Object.keys(rows).length} tables\n`);
  } finally {
    await rm(draft, { force: true });
  }
});
