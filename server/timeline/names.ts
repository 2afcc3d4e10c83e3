import { sql } from 'kysely';
import { seenSql, type Member } from '../access.ts';
import type { Tx } from '../live/transaction.ts';
import { trackedTables } from '../undo/logged.ts';
import { isId, isKnown, snakeCase, type TimelineEntry } from './entries.ts';

/** Names by id. */
export type Names = Record<string, string>;

/** What the records are called at which changed columns pointed and point, as far as the member sees them. */
export async function namesIn(tx: Tx, member: Member, entries: TimelineEntry[]): Promise<Names> {
  const pointing = entries.filter(({ changes }) =>
    changes.some(({ from, to }) => holdsId(from, to)),
  );
  if (pointing.length === 0) return {};
  const tables = await trackedTables(tx);
  const wanted = new Map<string, Set<string>>();
  const want = (entity: string, values: unknown[]) => {
    const ids = wanted.get(entity) ?? new Set();
    for (const value of values.flat()) if (typeof value === 'string' && isId(value)) ids.add(value);
    wanted.set(entity, ids);
  };
  for (const { entity, changes } of pointing) {
    for (const { field, from, to } of changes) {
      const column = snakeCase(field);
      const target = tables.get(entity)?.references.find((one) => one.column === column)?.target;
      if (target) want(target, [from, to]);
      else if (field === 'mentions') want('members', [from, to]);
    }
  }
  const names: Names = {};
  for (const [entity, ids] of wanted) {
    if (!isKnown(entity) || ids.size === 0) continue;
    const naming = tables.get(entity)?.columns.includes('title') ? 'title' : 'name';
    const { rows } = await sql<{ id: string; name: string }>`
      select id, ${sql.id(naming)} as name from ${sql.table(entity)}
      where organization_id = sync.org() and id = any(${[...ids]}::uuid[])
        and ${seenSql(member, entity)}`.execute(tx);
    for (const { id, name } of rows) names[id] = name;
  }
  return names;
}

const holdsId = (...values: unknown[]): boolean =>
  values.flat().some((value) => typeof value === 'string' && isId(value));
