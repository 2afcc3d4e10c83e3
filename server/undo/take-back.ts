import { sql } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import { can, type Member } from '../access.ts';
import type { Tx } from '../live/transaction.ts';
import { keep, type Work } from './answer.ts';
import { fallenWith } from './fallen.ts';
import { beforeUndo, guards, isBeyond } from './guards.ts';
import { trackedTables, type Logged, type Table } from './logged.ts';
import { undoInserts } from './removals.ts';
import { undoDeletes } from './restorations.ts';
import { rules } from './rules.ts';
import { settle } from './settle.ts';
import { couldSee } from './standing.ts';
import { undoUpdates, type Batch, type Context, type Refused } from './updates.ts';
import { Wanted } from './wanted.ts';

/**
 * Takes logged changes back, the newest first. What cannot go back stays, and is named with the reason;
 * what the member may not see is passed over in silence.
 */
export async function takeBack(tx: Tx, member: Member, rows: Logged[]): Promise<Work> {
  const tables = await trackedTables(tx);
  const fallen = await fallenWith(tx, rows, tables);
  await beforeUndo(tx, member, rows);
  const held = await standingGuards(tx, member, rows);
  const excluded = new Set<EntityName>();
  for (;;) {
    await sql`savepoint whole_undo`.execute(tx);
    const work = await takeRowsBack(tx, { member, tables, fallen, excluded }, rows);
    const broken = await firstBroken(tx, member, held, excluded);
    if (!broken) return work;
    await sql`rollback to savepoint whole_undo`.execute(tx);
    for (const entity of broken.of) excluded.add(entity);
  }
}

type Means = Pick<Context, 'member' | 'tables' | 'fallen'> & {
  /** Entities that must stay as they are. */
  excluded: ReadonlySet<EntityName>;
};

async function takeRowsBack(tx: Tx, means: Means, rows: Logged[]): Promise<Work> {
  const work: Work = { undone: [], kept: [] };
  const wanted = new Wanted();
  const possible: Logged[] = [];
  for (const row of rows) {
    const rule = rules[row.entity] ?? 'never';
    if (rule === 'never') continue;
    const isRefused = means.excluded.has(row.entity) || (await isBeyond(tx, means.member, row));
    const may = can(means.member, row.op === 'U' ? rule.edit : rule.remove);
    if (!isRefused) possible.push(row);
    else if (couldSee(means.member, row)) keep(work, row, { reason: may ? 'rule' : 'notYours' });
  }
  const context = { ...means, work, wanted };
  let waiting = await takeRound(tx, context, possible, false);
  // One may wait for another: a parent that is inserted later, a name that becomes free.
  for (let letsGo = false; waiting.length > 0;) {
    const left = await takeRound(
      tx,
      context,
      waiting.map(({ row }) => row),
      letsGo,
    );
    const isStuck = left.length === waiting.length;
    waiting = left;
    if (isStuck && letsGo) break;
    letsGo = isStuck;
  }
  for (const { row, reason } of waiting)
    if (couldSee(means.member, row)) keep(work, row, { reason });
  await settle(tx, wanted, work);
  return work;
}

async function takeRound(
  tx: Tx,
  context: Context,
  rows: Logged[],
  letsGo: boolean,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  for (const batch of batchesOf(rows, context.tables)) {
    const { op } = batch.rows[0] ?? {};
    if (op === 'U') refused.push(...(await undoUpdates(tx, context, batch)));
    else if (op === 'I') refused.push(...(await undoInserts(tx, context, batch)));
    else refused.push(...(await undoDeletes(tx, context, batch, letsGo)));
  }
  return refused;
}

/** Neighbours of one entity and one kind, no record twice: what one statement can do. */
function batchesOf(rows: Logged[], tables: Map<string, Table>): Batch[] {
  const batches: Batch[] = [];
  let ids = new Set<string>();
  for (const row of rows) {
    const [table, rule] = [tables.get(row.entity), rules[row.entity]];
    if (!table || rule === 'never') continue;
    const last = batches.at(-1);
    const [first] = last?.rows ?? [];
    if (last && first?.entity === row.entity && first.op === row.op && !ids.has(row.id)) {
      last.rows.push(row);
    } else {
      batches.push({ table, rules: rule, rows: [row] });
      ids = new Set();
    }
    ids.add(row.id);
  }
  return batches;
}

type Guards = typeof guards;

/** The guards that an undo of these rows could break; one that does not hold now is nobody's to keep. */
async function standingGuards(tx: Tx, member: Member, rows: Logged[]): Promise<Guards> {
  const touched = new Set(rows.map(({ entity }) => entity));
  const held: Guards = [];
  for (const guard of guards)
    if (guard.of.some((entity) => touched.has(entity)) && (await guard.holds(tx, member)))
      held.push(guard);
  return held;
}

async function firstBroken(
  tx: Tx,
  member: Member,
  held: Guards,
  excluded: ReadonlySet<EntityName>,
): Promise<Guards[number] | undefined> {
  for (const guard of held) {
    const isOut = guard.of.every((entity) => excluded.has(entity));
    if (!isOut && !(await guard.holds(tx, member))) return guard;
  }
  return undefined;
}
