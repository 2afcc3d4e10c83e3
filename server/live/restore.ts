import { sql } from 'kysely';
import { notFound } from '#lib/shared/errors.ts';
import { kindsOf, type EntityName } from '#lib/shared/entities.ts';
import type { Tx } from './transaction.ts';

/**
 * Inserts a deleted record again, and what was deleted with it in the same transaction, from the
 * images in the log. The record itself comes first, so that what points at it can be inserted.
 */
export async function restoreRecord(tx: Tx, entity: EntityName, id: string): Promise<void> {
  const { rows } = await sql<{ table: string; image: unknown }>`
    with gone as (
      select l.xid, l.at from sync.change_log l
      where l.organization_id = sync.org() and l.entity = ${entity} and l.id = ${id}::uuid
      order by l.at desc, l.ord desc limit 1)
    select t.relid::regclass::text as table, l.before as image
    from gone join sync.change_log l on l.xid = gone.xid and l.at = gone.at and l.organization_id = sync.org()
    join sync.tracked t on t.entity = l.entity
    where l.op = 'D' and (l.id = ${id}::uuid or l.before ->> ${foreignKeyOf(entity)} = ${id})
    order by l.id <> ${id}::uuid, l.ord`.execute(tx);
  if (rows.length === 0) throw notFound();
  for (const { table, image } of rows) {
    await sql`insert into ${sql.table(table)} select * from jsonb_populate_record(null::${sql.table(table)}, ${JSON.stringify(image)}::jsonb)`.execute(
      tx,
    );
  }
}

/** deals -> deal_id, the column by which its children point at it. */
function foreignKeyOf(entity: EntityName): string {
  if (!('id' in kindsOf(entity))) throw new TypeError(`${entity} has no id`);
  return `${entity.replace(/s$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_id`;
}
