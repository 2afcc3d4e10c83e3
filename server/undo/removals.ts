import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import { keep, titleOf } from './answer.ts';
import type { Table } from './logged.ts';
import { standings } from './standing.ts';
import type { Batch, Context, Refused } from './updates.ts';
import { attemptAll } from './write.ts';

/** Of a row that is as it was made, nobody has changed more than this. */
const ownWays = ['rev', 'updated_at'];

/** Takes away again what was made, if nobody has changed it since and nothing hangs on it. */
export async function undoInserts(
  tx: Tx,
  { member, work, wanted, tables }: Context,
  { table, rules, rows }: Batch,
): Promise<Refused[]> {
  const found = await standings(tx, member, { table, rows, permission: rules.remove });
  const used = await idsInUse(tx, tables, table, [...found.keys()]);
  const free = rows.filter((row) => {
    const standing = found.get(row.id);
    if (!standing?.isSeen) return false;
    const image = standing.now;
    const isSame = (name: string) =>
      ownWays.includes(name) || rules.derived?.includes(name) || !standing.moved.includes(name);
    const field = table.columns.find((name) => !isSame(name));
    if (!standing.isMine) keep(work, row, { reason: 'notYours', image });
    else if (field) keep(work, row, { reason: 'changed', field, image });
    else if (used.has(row.id)) keep(work, row, { reason: 'inUse', image });
    else return true;
    return false;
  });
  const { done, refused } = await attemptAll(tx, free, (some) =>
    sql`delete from ${sql.raw(table.name)} where organization_id = sync.org()
      and id = any(${some.map(({ id }) => id)}::uuid[])`.execute(tx),
  );
  for (const row of done) {
    const { entity, id, after } = row;
    wanted.drop(row);
    work.undone.push({
      entity,
      id,
      title: titleOf(after),
      action: 'removed',
      currency: null,
      fields: [],
    });
  }
  return refused.map(([row, reason]) => ({ row, reason }));
}

/** Those at which some other record points, whoever may see it. */
async function idsInUse(
  tx: Tx,
  tables: Map<string, Table>,
  { entity }: Table,
  ids: string[],
): Promise<Set<string>> {
  const pointing = [...tables.values()].flatMap(({ name, references }) =>
    references
      .filter(({ target }) => target === entity)
      .map(
        ({ column }) =>
          sql`select ${sql.id(column)} as id from ${sql.raw(name)}
            where organization_id = sync.org() and ${sql.id(column)} = any(${ids}::uuid[])`,
      ),
  );
  if (pointing.length === 0 || ids.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`${sql.join(pointing, sql` union `)}`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}
