import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { connect, connectAsOwner } from '#db/connect.ts';
import { migrate } from '#db/migrate.ts';
import { CommandError } from '../explain.ts';
import { nobody } from '../live/canary.ts';
import { readBatch, retryPoison } from '../readers/batch.ts';
import { readers } from '../readers/all.ts';
import type { Reader } from '../readers/reader.ts';
import { readState, type State } from '../readers/state.ts';
import { runCommand } from './command.ts';

const usage = `usage: npm run readers -- --list
       npm run readers -- --replay NAME --from POSITION [--organization SLUG]
       npm run readers -- --retry-poison NAME`;

await runCommand(async ({ url, log }) => {
  const { values } = parseArgs({
    options: {
      list: { type: 'boolean' },
      replay: { type: 'string' },
      from: { type: 'string' },
      organization: { type: 'string' },
      'retry-poison': { type: 'string' },
    },
  });
  await migrate({ url, log });
  const app = connect({ url, max: 2, name: 'syncline readers' });
  const owner = connectAsOwner({ url, max: 1, name: 'syncline readers' });
  try {
    const name = values.replay ?? values['retry-poison'];
    if (values.list) await list(app.pool);
    else if (!name) throw new CommandError(usage);
    else if (values.replay) await replay({ app: app.pool, owner: owner.pool }, name, values);
    else await retry({ app: app.pool, owner: owner.pool }, readerOf(name));
  } finally {
    await Promise.all([app.close(), owner.close()]);
  }
});

interface Pools {
  app: Pool;
  owner: Pool;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readerOf(name: string): Reader {
  const reader = readers.find((one) => one.name === name);
  if (!reader)
    throw new CommandError(
      `There is no reader ${name}, only ${readers.map((one) => one.name).join(', ')}.`,
    );
  return reader;
}

async function list(pool: Pool): Promise<void> {
  for (const { reader, organizationId, pos, head, failures, lastError, poison } of await readState(
    pool,
    readers,
  )) {
    const wrong = lastError ? `, failed ${failures} times: ${lastError}` : '';
    const aside = poison > 0 ? `, ${poison} set aside` : '';
    say(`${reader.name} ${organizationId} at ${pos} of ${head}${wrong}${aside}`);
  }
}

/** Takes the cursor back and reads from there to the end, beside whatever node reads as well. */
async function replay(
  { app, owner }: Pools,
  name: string,
  { from, organization }: { from?: string | undefined; organization?: string | undefined },
): Promise<void> {
  const reader = readerOf(name);
  const first = Number(from);
  if (!Number.isSafeInteger(first) || first < 1) throw new CommandError(usage);
  const { rows } = await owner.query<{ id: string }>(
    `update sync.reader_cursors c set pos = least(c.pos, $2 - 1), failures = 0
     where c.reader = $1 and c.organization_id <> $3
       and ($4::text is null or c.organization_id = (select o.id from crm.organizations o where o.slug = $4))
     returning c.organization_id as id`,
    [reader.name, first, nobody, organization ?? null],
  );
  if (rows.length === 0) throw new CommandError('There is nothing that this reader has read.');
  for (const { id } of rows) {
    let read = 0;
    for (;;) {
      const { state, transactions } = await readBatch(app, { reader, organizationId: id });
      read += transactions;
      if (state === 'done') break;
    }
    say(`${reader.name} ${id} has read ${read} transactions again`);
  }
}

async function retry({ app, owner }: Pools, reader: Reader): Promise<void> {
  const { rows } = await owner.query<Pick<State, 'organizationId'> & { position: number }>(
    `select organization_id as "organizationId", pos as position from sync.reader_poison
     where reader = $1 order by 1, 2`,
    [reader.name],
  );
  let failed = 0;
  for (const { organizationId, position } of rows) {
    try {
      await retryPoison(app, { reader, organizationId, position });
      say(`${reader.name} ${organizationId} ${position} was read`);
    } catch (error) {
      failed += 1;
      say(`${reader.name} ${organizationId} ${position} still fails: ${String(error)}`);
    }
  }
  if (failed > 0) throw new CommandError(`${failed} of ${rows.length} still fail.`);
  say(rows.length === 0 ? 'nothing is set aside' : `${rows.length} were read`);
}
