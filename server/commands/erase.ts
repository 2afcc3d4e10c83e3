import { parseArgs } from 'node:util';
import { connectAsOwner } from '#db/connect.ts';
import { erasePerson, type Whom } from '../audit/erase.ts';
import { auditKey } from '../audit/key.ts';
import { CommandError } from '../explain.ts';
import { runCommand } from './command.ts';

await runCommand(async ({ url, config }) => {
  const { values } = parseArgs({
    options: { customer: { type: 'string' }, member: { type: 'string' } },
  });
  const whom: Whom | undefined = values.customer
    ? { entity: 'customers', id: values.customer }
    : values.member
      ? { entity: 'members', id: values.member }
      : undefined;
  if (!whom) throw new CommandError('usage: npm run erase -- --customer ID | --member ID');
  const { pool, close } = connectAsOwner({ url, max: 1, name: 'syncline erase' });
  try {
    // Who was deleted long ago is known by the history alone.
    const { rows } = await pool.query<{ organizationId: string }>(
      `select distinct organization_id as "organizationId" from sync.subjects where entity = $1 and id = $2`,
      [whom.entity, whom.id],
    );
    const [found] = rows;
    if (!found) throw new CommandError('The history knows nobody of this id.');
    const erased = await erasePerson(pool, { ...found, whom, key: auditKey(config) });
    process.stdout.write(`erased, and ${erased} rows of the history have no values any more\n`);
  } finally {
    await close();
  }
});
