import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { connectAsOwner } from '#db/connect.ts';
import { erasePerson, passagesOf, type Whom } from '../audit/erase.ts';
import { auditKey } from '../audit/key.ts';
import type { Passage } from '../audit/passages.ts';
import { inOrganization } from '../audit/seal.ts';
import { CommandError } from '../explain.ts';
import { runCommand } from './command.ts';

await runCommand(async ({ url, config }) => {
  const { values } = parseArgs({
    options: {
      customer: { type: 'string' },
      member: { type: 'string' },
      find: { type: 'boolean' },
      blank: { type: 'string', multiple: true },
    },
  });
  const whom: Whom | undefined = values.customer
    ? { entity: 'customers', id: values.customer }
    : values.member
      ? { entity: 'members', id: values.member }
      : undefined;
  if (!whom)
    throw new CommandError(
      'usage: npm run erase -- --customer ID | --member ID [--find | --blank all | --blank PLACE ...]',
    );
  const { pool, close } = connectAsOwner({ url, max: 1, name: 'syncline erase' });
  try {
    const organizationId = await organizationOf(pool, whom);
    if (!organizationId) throw new CommandError('The history knows nobody of this id.');
    const passages = await passagesOf(pool, { organizationId, whom });
    if (values.find) return void process.stdout.write(told(passages));
    const blank = chosen(values.blank ?? [], passages);
    const erased = await erasePerson(pool, { organizationId, whom, blank, key: auditKey(config) });
    process.stdout.write(`erased, and ${erased} rows of the history have no values any more\n`);
    const left = passages.filter(({ place }) => blank !== 'all' && !blank.includes(place));
    if (left.length > 0) process.stdout.write(`left as they are:\n${told(left)}`);
  } finally {
    await close();
  }
});

function chosen(asked: string[], passages: Passage[]): string[] | 'all' {
  if (asked.includes('all')) return 'all';
  const unknown = asked.filter((one) => !passages.some(({ place }) => place === one));
  if (unknown.length > 0)
    throw new CommandError(`the person is not named in ${unknown.join(', ')}`);
  return asked;
}

/** The texts of others that name the person, counted by entity; the words themselves are not said again. */
function told(passages: Passage[]): string {
  const counts = Map.groupBy(passages, ({ entity }) => entity);
  const lines = passages.map(
    ({ place, text, isPast }) => `  ${place}${isPast ? ' (in the past)' : ''}: ${text}`,
  );
  const counted = [...counts].map(([entity, some]) => `${entity}: ${some.length}`).join(', ');
  return `${[counted || 'named nowhere else', ...lines].join('\n')}\n`;
}

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
