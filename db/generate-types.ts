import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startEmbedded } from '#db/embedded.ts';
import { migrate } from '#db/migrate.ts';

interface Column {
  schema: string;
  table: string;
  column: string;
  type: string;
  isNullable: boolean;
  hasDefault: boolean;
  isAlways: boolean;
  check: string | null;
}

const FILE = fileURLToPath(new URL('./types.ts', import.meta.url));
const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };

const TYPES: Record<string, string> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  float4: 'number',
  float8: 'number',
  numeric: 'Numeric',
  text: 'string',
  varchar: 'string',
  citext: 'string',
  char: 'string',
  inet: 'string',
  uuid: 'string',
  xid8: 'string',
  regclass: 'string',
  date: 'string',
  bytea: 'Buffer',
  timestamptz: 'Timestamp',
  jsonb: 'Json',
};

const HEAD = `// Made from the migrated database by \`npm run db:types\`.
import type { ColumnType } from 'kysely';

type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>;
type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Numeric = ColumnType<string, string | number, string | number>;

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}
// An array has to be written as its JSON text: the driver would make a Postgres array of it.
type Json = ColumnType<JsonValue, JsonObject | string, JsonObject | string>;
`;

async function readColumns(client: pg.Client): Promise<Column[]> {
  const { rows } = await client.query<Column>(`
    select n.nspname as schema, c.relname as table, a.attname as column,
      t.typname as type, not a.attnotnull as "isNullable",
      a.atthasdef or a.attidentity <> '' as "hasDefault",
      a.attgenerated <> '' or a.attidentity = 'a' as "isAlways",
      (select pg_get_constraintdef(k.oid) from pg_constraint k
        where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
          and pg_get_constraintdef(k.oid) like 'CHECK ((% = ANY (ARRAY[%])))' limit 1) as check
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    where n.nspname in ('crm', 'sync', 'platform') and c.relkind in ('r', 'p', 'v')
      and not c.relispartition
    order by n.nspname, c.relname, a.attnum`);
  return rows;
}

function typeOf({ schema, table, column, type, check, ...flags }: Column): string {
  const literals = check && [...check.matchAll(/'([^']*)'::text/g)].map(([, word]) => `'${word}'`);
  const scalar = TYPES[type.replace(/^_/, '')];
  if (!scalar) throw new Error(`${schema}.${table}.${column}: no row type is known for ${type}`);
  const base = literals ? literals.join(' | ') : type.startsWith('_') ? `${scalar}[]` : scalar;
  const nullable = flags.isNullable ? `${base} | null` : base;
  if (flags.isAlways) return `ColumnType<${nullable}, never, never>`;
  return flags.hasDefault ? `Generated<${nullable}>` : nullable;
}

function render(columns: Column[]): string {
  const tables = Map.groupBy(columns, ({ schema, table }) => `${schema}.${table}`);
  const bodies: string[] = [];
  const index: string[] = [];
  for (const [name, members] of tables) {
    const bare = camel(name.replace(/^crm\./, ''));
    const type = pascal(name.replace(/^crm\./, ''));
    const lines = members.map((member) => `  ${camel(member.column)}: ${typeOf(member)};\n`);
    bodies.push(`export interface ${type}Table {\n${lines.join('')}}\n`);
    index.push(`  ${bare.includes('.') ? `'${bare}'` : bare}: ${type}Table;\n`);
  }
  return `${HEAD}\n${bodies.join('\n')}\nexport interface DB {\n${index.join('')}}\n`;
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function pascal(name: string): string {
  return name.replace(/(?:^|[_.])(\w)/g, (_, letter: string) => letter.toUpperCase());
}

async function renderFreshDatabase(): Promise<string> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-types-'));
  // Open to the user whom root runs Postgres as; else the cluster would stand, and stay, elsewhere.
  await chmod(dataDir, 0o755);
  const embedded = await startEmbedded({ dataDir, log: QUIET });
  try {
    await migrate({ url: embedded.url, log: QUIET });
    const client = new pg.Client(embedded.url);
    await client.connect();
    const text = render(await readColumns(client));
    await client.end();
    return text;
  } finally {
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const text = await renderFreshDatabase();
if (!process.argv.includes('--check')) {
  await writeFile(FILE, text);
} else if ((await readFile(FILE, 'utf8')) !== text) {
  process.stderr.write('db/types.ts differs from the migrated database: run npm run db:types\n');
  process.exitCode = 1;
}
