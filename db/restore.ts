import type { Readable } from 'node:stream';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type BackupEnd, type BackupHead, readTables, type TableShape } from '#db/backup.ts';

/** The backup or the database is not fit for it; nothing was written. */
export class RestoreRefused extends Error {
  override name = 'RestoreRefused';
}

/**
 * Puts a backup into an empty, migrated database: all of it in one transaction, or nothing. Positions,
 * codes and row versions go on where they stood; the database gets a new epoch, so that every browser
 * loads its rows anew. Needs a superuser, for triggers must not run. Returns the rows of each table.
 */
export async function restore({
  url,
  from,
}: {
  url: string;
  from: Readable;
}): Promise<BackupEnd['rows']> {
  const client = new pg.Client({ connectionString: url, application_name: 'syncline restore' });
  await client.connect();
  try {
    await client.query('begin');
    const rows = await write(client, readLines(from));
    await client.query('commit');
    await client.query('analyze');
    return rows;
  } finally {
    await client.end();
  }
}

async function* readLines(from: Readable): AsyncGenerator<string, undefined> {
  const text = from.pipe(createGunzip());
  from.once('error', (error) => text.destroy(error));
  try {
    // COPY text has a line feed only at the end of a row; readline would also split at others.
    let rest = '';
    for await (const chunk of text.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest) throw new RestoreRefused('The backup ends in the middle of a row.');
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new RestoreRefused(`The file is not a whole backup (${error.message}).`);
    }
    throw error;
  }
}

async function write(
  client: pg.Client,
  lines: AsyncGenerator<string, undefined>,
): Promise<BackupEnd['rows']> {
  const head = readHead((await lines.next()).value);
  await requireFit(client, head);
  await client.query('set local session_replication_role = replica');
  const rows: BackupEnd['rows'] = {};
  for (const table of head.tables) rows[table.name] = await writeTable(client, table, lines);
  const { value: last } = await lines.next();
  const promised = last ? (JSON.parse(last) as BackupEnd).rows : undefined;
  for (const { name } of head.tables) {
    const { rows: counted } = await client.query<{ n: string }>(
      `select count(*) as n from ${name}`,
    );
    if (promised?.[name] !== rows[name] || Number(counted[0]?.n) !== rows[name]) {
      throw new RestoreRefused(`The backup is not whole: ${name} has not the rows it promises.`);
    }
  }
  for (const [name, { value, isCalled }] of Object.entries(head.sequences)) {
    await client.query('select setval($1, $2, $3)', [name, value, isCalled]);
  }
  await client.query('update sync.state set epoch = gen_random_uuid()');
  return rows;
}

function readHead(line: string | undefined): BackupHead {
  if (!line?.startsWith('{"format":"syncline-backup-1"')) {
    throw new RestoreRefused('The file is not a backup of Syncline.');
  }
  return JSON.parse(line) as BackupHead;
}

async function requireFit(client: pg.Client, head: BackupHead): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select name from platform.migrations');
  const missing = head.migrations.filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) {
    throw new RestoreRefused(`The backup is of a newer version: it has ${missing.join(', ')}.`);
  }
  const known = await readTables(client);
  for (const { name } of head.tables) {
    // The name goes into SQL: it has to be one of our own tables, whatever the file says.
    if (!known.some((table) => table.name === name)) {
      throw new RestoreRefused(`The backup has a table that this version has not: ${name}.`);
    }
    const { rows: taken } = await client.query(`select from ${name} limit 1`);
    if (taken.length > 0) throw new RestoreRefused(`The database is not empty: ${name} has rows.`);
  }
}

async function writeTable(
  client: pg.Client,
  { name, columns }: TableShape,
  lines: AsyncGenerator<string, undefined>,
): Promise<number> {
  const list = columns.map((column) => pg.escapeIdentifier(column.name)).join(', ');
  const copy = client.query(copyFrom(`copy ${name} (${list}) from stdin`));
  const done = finished(copy);
  // After a refusal nobody waits for it any more, and the end of the connection breaks it off.
  done.catch(() => undefined);
  const oldTransactions = columns.flatMap(({ type }, at) => (type === 'xid8' ? [at] : []));
  for (;;) {
    const { value: line, done: isOver } = await lines.next();
    if (isOver || line === undefined) throw new RestoreRefused(`The backup ends within ${name}.`);
    if (line === '\\.') break;
    if (!copy.write(`${withoutAge(line, oldTransactions)}\n`)) await once(copy, 'drain');
  }
  copy.end();
  await done;
  return copy.rowCount;
}

/**
 * Transaction numbers of the former database mean nothing here, and those ahead of this one's would look
 * like transactions still to come. Numbers below 700 are the past of every database; with the time
 * beside them they still tell transactions apart.
 */
function withoutAge(line: string, places: number[]): string {
  if (places.length === 0) return line;
  const fields = line.split('\t');
  for (const at of places) {
    const xid = fields[at];
    if (xid && xid !== '\\N') fields[at] = String(3n + (BigInt(xid) % 600n));
  }
  return fields.join('\t');
}
