import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import { keep, titleOf } from './answer.ts';
import { mayRestore, rootOf } from './fallen.ts';
import type { Logged, Table } from './logged.ts';
import { couldSee } from './standing.ts';
import type { Batch, Context, Refused } from './updates.ts';
import { attemptAll } from './write.ts';

/**
 * Inserts deleted records again, as they were; answers what is worth another try. With `letsGo` they
 * come without what is gone for good, as if it had been deleted while they were there.
 */
export async function undoDeletes(
  tx: Tx,
  { member, work, wanted, fallen }: Context,
  { table, rules, rows }: Batch,
  letsGo: boolean,
): Promise<Refused[]> {
  const there = await idsThere(
    tx,
    table.entity,
    rows.map(({ id }) => id),
  );
  const allowed = rows.filter((row) => {
    if (there.has(row.id)) return false;
    const isAllowed = mayRestore(member, rootOf(row, fallen));
    if (!isAllowed && couldSee(member, row)) keep(work, row, { reason: 'notYours' });
    return isAllowed;
  });
  const gone = letsGo ? await goneFor(tx, table, allowed) : new Map<Logged, string[]>();
  const { done, refused } = await attemptAll(tx, allowed, (some) =>
    insertAgain(tx, table, some, gone),
  );
  for (const row of done) {
    const { entity, id, before } = row;
    const lost = [...(rules.derived ?? []), ...(gone.get(row) ?? []), 'rev', 'updated_at'];
    const columns = Object.keys(before ?? {}).filter((name) => table.columns.includes(name));
    wanted.add(
      row,
      table,
      columns.filter((name) => !lost.includes(name)),
    );
    if (!couldSee(member, row)) continue;
    const title = titleOf(before);
    work.undone.push({ entity, id, title, action: 'restored', currency: null, fields: [] });
  }
  return refused.map(([row, reason]) => ({ row, reason }));
}

async function idsThere(tx: Tx, entity: string, ids: unknown[]): Promise<Set<unknown>> {
  const { rows } = await sql<{ id: string }>`
    select id from ${sql.table(entity)} where organization_id = sync.org()
      and id = any(${ids}::uuid[])`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}

/** Columns of each that point at what is gone and may be empty. */
async function goneFor(tx: Tx, table: Table, rows: Logged[]): Promise<Map<Logged, string[]>> {
  const gone = new Map<Logged, string[]>();
  for (const { column, target, onDelete } of table.references) {
    if (onDelete !== 'n') continue;
    const pointing = rows.filter(({ before }) => before?.[column] != null);
    const there = await idsThere(
      tx,
      target,
      pointing.map(({ before }) => before?.[column]),
    );
    for (const row of pointing)
      if (!there.has(row.before?.[column])) gone.set(row, [...(gone.get(row) ?? []), column]);
  }
  return gone;
}

/** Columns that the table has got since are as in a new record. */
async function insertAgain(
  tx: Tx,
  table: Table,
  rows: Logged[],
  gone: Map<Logged, string[]>,
): Promise<void> {
  const name = sql.raw(table.name);
  const known = (row: Logged) => table.columns.filter((column) => column in (row.before ?? {}));
  for (const [list, same] of Map.groupBy(rows, (row) => known(row).join())) {
    const columns = list.split(',').map((column) => sql.id(column));
    await sql`
      insert into ${name} (${sql.join(columns)})
      select ${sql.join(columns.map((column) => sql`was.${column}`))}
      from unnest(${same.map(({ beforeText }) => beforeText)}::text[], ${same.map((row) => (gone.get(row) ?? []).join())}::text[]) with ordinality as one (image, gone, place)
      cross join lateral jsonb_populate_record(null::${name}, one.image::jsonb - string_to_array(one.gone, ',')) as was
      order by place`.execute(tx);
  }
}
