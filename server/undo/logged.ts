import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import type { Tx } from '../live/transaction.ts';

/** One changed row of the log. The images are kept as text too: exact numbers do not survive JavaScript. */
export interface Logged {
  pos: number;
  ord: number;
  at: Date;
  entity: EntityName;
  id: string;
  op: 'I' | 'U' | 'D';
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  beforeText: string | null;
  afterText: string | null;
}

/** What is to be undone: some transactions, or all that carry the name of a run. */
export type Target = { positions: number[] } | { run: string };

/** For so long the log keeps whole images of what changed. */
export const undoableDays = 30;

/** Rows of a target, the newest first, from a place on. */
export async function loggedRows(
  tx: Tx,
  target: Target,
  { after, most }: { after: string | undefined; most: number },
): Promise<Logged[]> {
  const [pos, ord] = after?.split('.') ?? [];
  const place =
    pos === undefined
      ? sql<SqlBool>`true`
      : // The first half alone is what an index can begin at.
        sql<SqlBool>`t.pos <= ${pos}::bigint and (t.pos, l.ord) < (${pos}::bigint, ${ord}::bigint)`;
  const { rows } = await sql<Logged>`
    select t.pos, l.ord, t.at, l.entity, l.id, l.op::text as op, l.before, l.after,
      l.before::text as before_text, l.after::text as after_text
    from sync.change_tx t
    join sync.change_log l on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
    where t.organization_id = sync.org() and ${isOf(target)} and ${place}
      and t.at > now() - make_interval(days => ${undoableDays})
    order by t.pos desc, l.ord desc limit ${most}`.execute(tx);
  return rows;
}

const isOf = (target: Target): RawBuilder<SqlBool> =>
  'run' in target
    ? sql<SqlBool>`t.run_id = ${target.run}`
    : sql<SqlBool>`t.pos = any(${target.positions}::bigint[])`;

/** How a tracked table is written, and what in it points at which other one. */
export interface Table {
  entity: string;
  /** As SQL names it. */
  name: string;
  columns: string[];
  references: Reference[];
}

export interface Reference {
  column: string;
  target: string;
  /** What a deletion of the target does: `c` takes the row along, `n` leaves it without. */
  onDelete: string;
}

/** Read from the catalog, so that a table of tomorrow is known without a word about it here. */
export async function trackedTables(tx: Tx): Promise<Map<string, Table>> {
  const { rows } = await sql<Table>`
    select t.entity, t.relid::regclass::text as name,
      (select array_agg(a.attname::text) from pg_attribute a
        where a.attrelid = t.relid and a.attnum > 0 and not a.attisdropped) as columns,
      coalesce((select jsonb_agg(jsonb_build_object('column', a.attname, 'target', other.entity, 'onDelete', c.confdeltype))
        from pg_constraint c join sync.tracked other on other.relid = c.confrelid
        cross join lateral unnest(c.conkey, c.confkey) as pair (own, theirs)
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = pair.own
        join pg_attribute b on b.attrelid = c.confrelid and b.attnum = pair.theirs and b.attname = 'id'
        where c.conrelid = t.relid and c.contype = 'f' and a.attname <> 'organization_id'), '[]') as "references"
    from sync.tracked t`.execute(tx);
  return new Map(rows.map((row) => [row.entity, row]));
}
