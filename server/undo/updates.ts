import { sql } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import { seenSql, type Member } from '../access.ts';
import type { Tx } from '../live/transaction.ts';

import { camel, keep, titleOf, type KeptReason, type Undone, type Work } from './answer.ts';
import type { Logged, Table } from './logged.ts';
import type { Rules } from './rules.ts';
import { mayRestore, rootOf, type Fallen } from './fallen.ts';
import { couldSee, standings, type Standing } from './standing.ts';
import type { Wanted } from './wanted.ts';
import { attemptAll } from './write.ts';

export interface Refused {
  row: Logged;
  reason: KeptReason;
}

/** What the steps of an undo share. */
export interface Context {
  member: Member;
  tables: Map<string, Table>;
  fallen: Fallen;
  work: Work;
  wanted: Wanted;
}

export interface Batch {
  table: Table;
  rules: Rules;
  rows: Logged[];
}

interface Plan {
  row: Logged;
  standing: Standing;
  columns: string[];
  isFallen: boolean;
}

/** Sets changed columns back where nobody has changed them since; answers what is worth another try. */
export async function undoUpdates(
  tx: Tx,
  { member, work, wanted, fallen }: Context,
  { table, rules, rows }: Batch,
): Promise<Refused[]> {
  const worthwhile = rows.filter((row) => columnsOf(row, table, rules).length > 0);
  if (worthwhile.length === 0) return [];
  const found = await standings(tx, member, { table, rows: worthwhile, permission: rules.edit });
  const plans: Plan[] = [];
  for (const row of worthwhile) {
    const standing = found.get(row.id);
    if (!standing) {
      if (couldSee(member, row)) keep(work, row, { reason: 'deleted' });
      continue;
    }
    const { free, stuck } = apart(row, standing, { table, rules });
    const cause = fallen.get(row);
    if (cause && mayRestore(member, rootOf(cause, fallen))) {
      // The database itself emptied them, because of a deletion that is taken back.
      const columns = free.filter((name) => row.before?.[name] === cause.id);
      plans.push({ row, standing, columns, isFallen: true });
    } else if (standing.isSeen && !standing.isMine) {
      keep(work, row, { reason: 'notYours', image: standing.now });
    } else if (standing.isSeen) {
      for (const field of stuck) keep(work, row, { reason: 'changed', field, image: standing.now });
      plans.push({ row, standing, columns: free, isFallen: false });
    }
  }
  await leaveDangling(tx, member, { table, plans, work });
  const changing = plans.filter(({ columns }) => columns.length > 0);
  const { done, refused } = await attemptAll(tx, changing, (some) =>
    setBack(
      tx,
      { table, rules },
      some.map(({ row, columns }) => ({ id: row.id, image: row.beforeText ?? '{}', columns })),
    ),
  );
  for (const plan of done) {
    wanted.add(plan.row, table, plan.columns);
    if (plan.standing.isSeen) work.undone.push(undoneOf(plan));
  }
  return refused.map(([{ row }, reason]) => ({ row, reason }));
}

/** The columns that an undo of this change has to do with. */
function columnsOf(
  { before }: Logged,
  table: Table,
  { derived = [], fixed = [] }: Rules,
): string[] {
  return Object.keys(before ?? {}).filter(
    (name) => table.columns.includes(name) && !derived.includes(name) && !fixed.includes(name),
  );
}

function apart(
  row: Logged,
  { moved }: Standing,
  { table, rules }: { table: Table; rules: Rules },
): { free: string[]; stuck: string[] } {
  const columns = columnsOf(row, table, rules);
  const bonds = rules.bonds?.({ before: row.before ?? {}, after: row.after ?? {} }) ?? [];
  const bound = bonds.filter(({ watched }) => watched.some((name) => moved.includes(name)));
  const isBound = (name: string) => bound.some((bond) => bond.columns.includes(name));
  const isWatched = (name: string) => bonds.some((bond) => bond.columns.includes(name));
  const isStuck = (name: string) => isBound(name) || (!isWatched(name) && moved.includes(name));
  return {
    free: columns.filter((name) => !isStuck(name)),
    stuck: columns.filter((name) => isStuck(name) && !unnamed.includes(name)),
  };
}

/** Where a record lies in its column, and since when, goes along with what is named. */
const unnamed = ['rank', 'stage_entered_at'];

/** A column that would point at what is gone, or at what the member does not see, stays. */
async function leaveDangling(
  tx: Tx,
  member: Member,
  { table, plans, work }: { table: Table; plans: Plan[]; work: Work },
): Promise<void> {
  for (const { column, target } of table.references) {
    const pointing = plans.filter(
      ({ row, columns, isFallen }) =>
        !isFallen && columns.includes(column) && row.before?.[column] != null,
    );
    if (pointing.length === 0) continue;
    const ids = pointing.map(({ row }) => row.before?.[column]);
    const name = target as EntityName;
    const { rows } = await sql<{ id: string }>`
      select id from ${sql.table(name)} where organization_id = sync.org()
        and id = any(${ids}::uuid[]) and ${seenSql(member, name)}`.execute(tx);
    const there = new Set<unknown>(rows.map(({ id }) => id));
    for (const plan of pointing) {
      if (there.has(plan.row.before?.[column])) continue;
      keep(work, plan.row, { reason: 'missing', field: column, image: plan.standing.now });
      plan.columns = plan.columns.filter((one) => one !== column);
    }
  }
}

/** Sets the named columns of some records to what they are in an image. One statement for each table. */
export function setBack(
  tx: Tx,
  { table, rules }: Pick<Batch, 'table' | 'rules'>,
  records: { id: string; image: string; columns: string[] }[],
): Promise<unknown> {
  const { derived = [], fixed = [] } = rules;
  const never = ['id', 'organization_id', 'rev', 'updated_at', ...derived, ...fixed];
  const set = table.columns
    .filter((name) => !never.includes(name))
    .map((name) => {
      const column = sql.id(name);
      return sql`${column} = case when ${sql.lit(name)} = any(string_to_array(one.columns, ',')) then was.${column} else t.${column} end`;
    });
  const name = sql.raw(table.name);
  return sql`
    update ${name} t set ${sql.join(set)}
    from unnest(${records.map(({ id }) => id)}::uuid[], ${records.map(({ image }) => image)}::text[],
      ${records.map(({ columns }) => columns.join())}::text[]) as one (undone_id, image, columns)
    cross join lateral jsonb_populate_record(null::${name}, one.image::jsonb) as was
    where t.organization_id = sync.org() and t.id = one.undone_id`.execute(tx);
}

function undoneOf({ row, standing: { now }, columns }: Plan): Undone {
  const { entity, id, before } = row;
  return {
    entity,
    id,
    title: titleOf(now),
    action: 'changed',
    currency: typeof now['currency'] === 'string' ? now['currency'] : null,
    fields: columns.map((name) => ({
      field: camel(name),
      from: now[name] ?? null,
      to: before?.[name] ?? null,
    })),
  };
}
