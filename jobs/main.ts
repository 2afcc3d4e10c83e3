import { connectAsOwner } from '#db/connect.ts';
import { migrate } from '#db/migrate.ts';
import { runCommand } from '#server/commands/command.ts';
import { readJobs } from './state.ts';

await runCommand(async ({ url, log }) => {
  await migrate({ url, log });
  const { pool, close } = connectAsOwner({ url, max: 1, name: 'syncline jobs list' });
  try {
    for (const { name, dueAt, finishedAt, failures, failedAt, lastError } of await readJobs(pool)) {
      const done = finishedAt ? `last done ${finishedAt.toISOString()}` : 'never done';
      const wrong =
        failures > 0
          ? `, failed ${failures} times since, last ${failedAt?.toISOString()}: ${lastError}`
          : '';
      process.stdout.write(`${name} ${done}, due ${dueAt.toISOString()}${wrong}\n`);
    }
  } finally {
    await close();
  }
});
