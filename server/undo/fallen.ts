import { sql } from 'kysely';
import { covers } from '#lib/shared/standing.ts';
import { can, entityAccess, type Member } from '../access.ts';
import type { Tx } from '../live/transaction.ts';
import type { Logged, Table } from './logged.ts';
import { rules } from './rules.ts';
import { couldSee } from './standing.ts';

/** The deletion that took a row along, or took away what it pointed at; by the row. */
export type Fallen = Map<Logged, Logged>;

/** What the database did by itself because a record was deleted goes back with that record. */
export async function fallenWith(
  tx: Tx,
  rows: Logged[],
  tables: Map<string, Table>,
): Promise<Fallen> {
  const fallen: Fallen = new Map();
  for (let asked = rows; asked.length > 0;) {
    const causes = asked.flatMap((row) => causesOf(row, tables));
    if (causes.length === 0) break;
    const found = await deletions(tx, causes);
    for (const { row, pos, entity, id } of causes) {
      const cause = found.find((one) => one.pos === pos && one.entity === entity && one.id === id);
      if (cause && !fallen.has(row)) fallen.set(row, cause);
    }
    asked = found.filter((row) => !fallen.has(row) && !asked.includes(row));
  }
  return fallen;
}

interface Cause {
  row: Logged;
  pos: number;
  entity: string;
  id: string;
}

function causesOf(row: Logged, tables: Map<string, Table>): Cause[] {
  const references = tables.get(row.entity)?.references ?? [];
  return references.flatMap(({ column, target, onDelete }) => {
    const id = row.before?.[column];
    const isTaken =
      row.op === 'D' ? onDelete === 'c' : onDelete === 'n' && row.after?.[column] === null;
    return typeof id === 'string' && isTaken ? [{ row, pos: row.pos, entity: target, id }] : [];
  });
}

async function deletions(tx: Tx, causes: Cause[]): Promise<Logged[]> {
  const { rows } = await sql<Logged>`
    select distinct on (t.pos, l.entity, l.id) t.pos, l.ord, t.at, l.entity, l.id, l.op::text as op, l.before, l.after
    from unnest(${causes.map(({ pos }) => pos)}::bigint[], ${causes.map(({ entity }) => entity)}::text[],
      ${causes.map(({ id }) => id)}::uuid[]) as cause (pos, entity, id)
    join sync.change_tx t on t.organization_id = sync.org() and t.pos = cause.pos
    join sync.change_log l on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
      and l.entity = cause.entity and l.id = cause.id and l.op = 'D'`.execute(tx);
  return rows;
}

/** The deletion that a row's own goes back to: its own where it stood alone. */
export function rootOf(row: Logged, fallen: Fallen): Logged {
  const cause = fallen.get(row);
  return cause ? rootOf(cause, fallen) : row;
}

/** Who may delete a record may bring it back; by its last image. */
export function mayRestore(member: Member, row: Logged): boolean {
  const rule = rules[row.entity] ?? 'never';
  if (rule === 'never' || !couldSee(member, row)) return false;
  if (!entityAccess[row.entity].owned) return can(member, rule.remove);
  const { owner_id: ownerId, team_id: teamId } = row.before ?? {};
  const belongs = { ownerId: textOrNull(ownerId), teamId: textOrNull(teamId) };
  return covers(member, rule.remove, belongs);
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
