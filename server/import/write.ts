import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import { type Plan, type PlannedRow, refusal, type Write, type WrittenTable } from './plan.ts';
import type { Refusal } from './rows.ts';

const order: WrittenTable[] = [
  'pipelines',
  'stages',
  'teams',
  'members',
  'customers',
  'products',
  'deals',
  'dealProducts',
];

/**
 * Writes a planned batch, one statement for each table and set of columns. Rows that the database
 * refuses are found by halving and left out, each half in a savepoint, which also gives back the
 * numbers that its customers had taken. Answers the refused ones.
 */
export async function writePlan(tx: Tx, organizationId: string, plan: Plan): Promise<Refusal[]> {
  await writeAll(tx, organizationId, plan.setup);
  const rows = plan.rows.filter(({ writes }) => writes.length > 0);
  return rows.length > 0 ? writeRows(tx, organizationId, rows) : [];
}

async function writeRows(tx: Tx, organizationId: string, rows: PlannedRow[]): Promise<Refusal[]> {
  await sql`savepoint part`.execute(tx);
  try {
    await writeAll(
      tx,
      organizationId,
      rows.flatMap(({ writes }) => writes),
    );
    await sql`release savepoint part`.execute(tx);
    return [];
  } catch (error) {
    const reason = refusedByDatabase(error);
    if (reason === undefined) throw error;
    await sql`rollback to savepoint part`.execute(tx);
    await sql`release savepoint part`.execute(tx);
    const [first] = rows;
    if (rows.length === 1 && first) return [refusal(first.row, '', reason)];
    const half = Math.ceil(rows.length / 2);
    return [
      ...(await writeRows(tx, organizationId, rows.slice(0, half))),
      ...(await writeRows(tx, organizationId, rows.slice(half))),
    ];
  }
}

async function writeAll(tx: Tx, organizationId: string, writes: Write[]): Promise<void> {
  const groups = Map.groupBy(writes, ({ table, isNew, values }) =>
    [order.indexOf(table), isNew ? 0 : 1, ...Object.keys(values)].join(' '),
  );
  const inOrder = [...groups.values()].toSorted((a, b) => placeOf(a) - placeOf(b));
  for (const group of inOrder) {
    const [first] = group;
    if (!first) continue;
    const rows = JSON.stringify(
      group.map(({ id, values }) => stored({ organizationId, id, ...values })),
    );
    await (first.isNew ? insert(tx, first, rows) : update(tx, first, { organizationId, rows }));
  }
}

const placeOf = ([first]: Write[]): number =>
  first ? order.indexOf(first.table) * 2 + (first.isNew ? 0 : 1) : 0;

async function insert(tx: Tx, { table, values }: Write, rows: string): Promise<void> {
  const columns = sql.join(
    ['organizationId', 'id', ...Object.keys(values)].map((name) => sql.ref(name)),
  );
  await sql`insert into ${sql.table(table)} (${columns})
    select ${columns} from jsonb_populate_recordset(null::${sql.table(table)}, ${rows}::jsonb)`.execute(
    tx,
  );
}

async function update(
  tx: Tx,
  { table, values }: Write,
  { organizationId, rows }: { organizationId: string; rows: string },
): Promise<void> {
  const changes = sql.join(
    Object.keys(values).map((name) =>
      name === 'custom'
        ? sql`custom = held.custom || given.custom`
        : sql`${sql.ref(name)} = ${sql.ref(`given.${name}`)}`,
    ),
  );
  await sql`update ${sql.table(table)} held set ${changes}
    from jsonb_populate_recordset(null::${sql.table(table)}, ${rows}::jsonb) given
    where held.organization_id = ${organizationId}::uuid and held.id = given.id`.execute(tx);
}

const stored = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );

// What others do while an import is under way.
const met: Record<string, string | undefined> = {
  23503: 'what it names was deleted meanwhile; import it again',
  23505: 'another record has this id or name since a moment ago; import it again',
};

// Data and integrity errors are about a row; anything else is about the database.
function refusedByDatabase(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const code = String(error.code);
  if (!/^(22|23)/.test(code)) return undefined;
  return met[code] ?? `the database does not take it: ${error.message}`;
}
