import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { connectAsOwner } from '#db/connect.ts';
import { erasePerson, type Whom } from '../audit/erase.ts';
import { auditKey } from '../audit/key.ts';
import { inOrganization } from '../audit/seal.ts';
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
    const organizationId = await organizationOf(pool, whom);
    if (!organizationId) throw new CommandError('The history knows nobody of this id.');
    const erased = await erasePerson(pool, { organizationId, whom, key: auditKey(config) });
    process.stdout.write(`erased, and ${erased} rows of the history have no values any more\n`);
  } finally {
    await close();
  }
});

/** Who was deleted long ago is known by the history alone. */
async function organizationOf(owner: Pool, { entity, id }: Whom): Promise<string | undefined> {
  const { rows } = await owner.query<{ id: string }>(
    `select organization_id as id from sync.reader_state('{history}')`,
  );
  for (const { id: organizationId } of rows) {
    const known = await inOrganization(owner, organizationId, (client) =>
      client.query(
        `select from sync.subjects where organization_id = $1 and entity = $2 and id = $3`,
        [organizationId, entity, id],
      ),
    );
    if (known.rowCount) return organizationId;
  }
  return undefined;
}
