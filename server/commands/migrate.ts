import { migrate } from '#db/migrate.ts';
import { runCommand } from './command.ts';

await runCommand(async ({ url, log }) => {
  const ran = await migrate({ url, log });
  const lines = ran.length > 0 ? ran.map((name) => `ran ${name}`) : ['nothing to migrate'];
  process.stdout.write(`${lines.join('\n')}\n`);
});
