import { connectAsOwner } from '#db/connect.ts';
import { auditKey } from '../audit/key.ts';
import { verifyAudit } from '../audit/verify.ts';
import { CommandError } from '../explain.ts';
import { runCommand } from './command.ts';

await runCommand(async ({ url, config }) => {
  const { pool, close } = connectAsOwner({ url, max: 1, name: 'syncline verify' });
  try {
    const verdicts = await verifyAudit({
      owner: pool,
      key: auditKey(config),
      heads: config.auditHeads,
    });
    for (const { organizationId, findings, sealedTo, rows, unsealed } of verdicts) {
      process.stdout.write(
        `${organizationId}: ${rows} rows sealed up to ${sealedTo}, ${unsealed} not sealed yet\n`,
      );
      for (const finding of findings) process.stdout.write(`  ${finding}\n`);
    }
    const wrong = verdicts.flatMap(({ findings }) => findings).length;
    if (wrong > 0) throw new CommandError(`${wrong} findings`);
    process.stdout.write('nothing was changed\n');
  } finally {
    await close();
  }
});
