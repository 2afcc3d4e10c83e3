import { sql } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import type { Tx } from '../live/transaction.ts';
import { fallenWith, rootOf } from '../undo/fallen.ts';
import { undoableDays, type Logged, type Table } from '../undo/logged.ts';

const logged = sql`t.pos, l.ord, t.at, l.entity, l.id, l.op::text as op, l.before, l.after,
  l.before::text as before_text, l.after::text as after_text`;
const joined = sql`sync.change_tx t
  join sync.change_log l on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at`;

/** A deletion that stood for itself, with what fell with it. */
export interface Deletion {
  root: Logged;
  /** The root's own row among them. */
  rows: Logged[];
}

/** The last deletion of a record that is not there; undefined where there is none to be taken back. */
export async function lastDeletion(
  tx: Tx,
  entity: EntityName,
  id: string,
): Promise<Logged | undefined> {
  const { rows } = await sql<Logged>`
    select ${logged} from ${joined}
    where t.organization_id = sync.org() and l.organization_id = sync.org() and l.entity = ${entity} and l.id = ${id}::uuid
      and l.op = 'D' and l.at > now() - make_interval(days => ${undoableDays})
      and not exists (select from ${sql.table(entity)} r where r.organization_id = sync.org() and r.id = ${id}::uuid)
    order by t.pos desc, l.ord desc limit 1`.execute(tx);
  return rows[0];
}

/** The rows of the log at some places. */
export async function rowsAt(tx: Tx, places: { pos: number; ord: number }[]): Promise<Logged[]> {
  const { rows } = await sql<Logged>`
    select ${logged} from unnest(${places.map(({ pos }) => pos)}::bigint[], ${places.map(({ ord }) => ord)}::bigint[]) as place (pos, ord)
    join sync.change_tx t on t.organization_id = sync.org() and t.pos = place.pos
    join sync.change_log l on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at and l.ord = place.ord
    order by t.pos desc, l.ord desc`.execute(tx);
  return rows;
}

/** What the database did because of some deletions, those themselves included, by the deletion. */
export async function fallWith(
  tx: Tx,
  roots: Logged[],
  tables: Map<string, Table>,
): Promise<Deletion[]> {
  const positions = [...new Set(roots.map(({ pos }) => pos))];
  const { rows } = await sql<Logged>`
    select ${logged} from ${joined}
    where t.organization_id = sync.org() and t.pos = any(${positions}::bigint[]) and l.op <> 'I'
    order by t.pos desc, l.ord desc`.execute(tx);
  const fallen = await fallenWith(tx, rows, tables);
  const keyOf = ({ pos, entity, id }: Logged) => `${pos} ${entity} ${id}`;
  const byRoot = Map.groupBy(rows, (row) => keyOf(rootOf(row, fallen)));
  return roots.map((root) => {
    const all = byRoot.get(keyOf(root)) ?? [];
    return { root, rows: all.filter((row) => row.op === 'D' || fallen.has(row)) };
  });
}

/** Of which entity something is gone that a deleted record cannot be without. */
export async function whatIsMissing(
  tx: Tx,
  { entity, before }: Logged,
  tables: Map<string, Table>,
): Promise<EntityName | undefined> {
  for (const { column, target, onDelete } of tables.get(entity)?.references ?? []) {
    const id = before?.[column];
    if (onDelete === 'n' || typeof id !== 'string') continue;
    const { rows } = await sql`
      select from ${sql.table(target)} where organization_id = sync.org() and id = ${id}::uuid`.execute(
      tx,
    );
    if (rows.length === 0) return target as EntityName;
  }
  return undefined;
}
