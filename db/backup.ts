import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

/** The first line of a backup. */
export interface BackupHead {
  format: 'syncline-backup-1';
  at: string;
  migrations: string[];
  sequences: Record<string, { value: string; isCalled: boolean }>;
  tables: TableShape[];
}
export interface TableShape {
  name: string;
  columns: { name: string; type: string }[];
}

/** The last line, by which a backup that was cut off is told from a whole one. */
export interface BackupEnd {
  rows: Record<string, number>;
}

// Made by migrations, and the life of the database that a restore begins anew.
const LEFT_OUT = ['platform.migrations', 'sync.tracked', 'sync.state'];

/**
 * Writes all rows as they stood at one moment, beside running changes: gzip of a line of JSON, then for
 * each table its rows as COPY text and a line `\.`, then the counts. Returns the counts. Needs a login
 * past row security, as the embedded Postgres' is; throws where rows would be left out.
 */
export async function backup({
  url,
  to,
}: {
  url: string;
  to: Writable;
}): Promise<BackupEnd['rows']> {
  const client = new pg.Client({ connectionString: url, application_name: 'syncline backup' });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read, read only');
    await client.query('set local row_security = off');
    const head = await readHead(client);
    await pipeline(() => write(client, head), createGzip(), to);
    return rowsOf.get(head) ?? {};
  } finally {
    await client.end();
  }
}

const rowsOf = new WeakMap<BackupHead, BackupEnd['rows']>();

async function* write(client: pg.Client, head: BackupHead): AsyncGenerator<Buffer | string> {
  yield `${JSON.stringify(head)}\n`;
  const rows: BackupEnd['rows'] = {};
  for (const { name, columns } of head.tables) {
    const list = columns.map((column) => pg.escapeIdentifier(column.name)).join(', ');
    const copy = client.query(copyTo(`copy (select ${list} from ${name}) to stdout`));
    for await (const chunk of copy) yield chunk as Buffer;
    rows[name] = copy.rowCount;
    yield '\\.\n';
  }
  rowsOf.set(head, rows);
  yield `${JSON.stringify({ rows } satisfies BackupEnd)}\n`;
}

async function readHead(client: pg.Client): Promise<BackupHead> {
  const sequences = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, sequencename) as name from pg_sequences
     where schemaname in ('crm', 'sync', 'platform') order by 1`,
  );
  const values: BackupHead['sequences'] = {};
  for (const { name } of sequences.rows) {
    const { rows } = await client.query<{ value: string; isCalled: boolean }>(
      `select last_value::text as value, is_called as "isCalled" from ${name}`,
    );
    if (rows[0]) values[name] = rows[0];
  }
  const { rows: moment } = await client.query<{ at: string; migrations: string[] }>(
    `select now()::text as at,
       (select array_agg(name order by name) from platform.migrations) as migrations`,
  );
  return {
    format: 'syncline-backup-1',
    at: moment[0]?.at ?? '',
    migrations: moment[0]?.migrations ?? [],
    sequences: values,
    tables: await readTables(client),
  };
}

/** The tables that a backup holds, with the columns that can be written. */
export async function readTables(client: pg.Client): Promise<TableShape[]> {
  const { rows } = await client.query<TableShape>(
    `select format('%I.%I', n.nspname, c.relname) as name,
       json_agg(json_build_object('name', a.attname, 'type', a.atttypid::regtype::text)
         order by a.attnum) as columns
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       and a.attgenerated = ''
     where n.nspname in ('crm', 'sync', 'platform') and c.relkind in ('r', 'p') and not c.relispartition
       and format('%I.%I', n.nspname, c.relname) <> all ($1)
     group by 1 order by 1`,
    [LEFT_OUT],
  );
  return rows;
}
