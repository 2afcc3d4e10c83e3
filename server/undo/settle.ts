import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import { camel, keep, type Work } from './answer.ts';
import type { Logged } from './logged.ts';
import { rules } from './rules.ts';
import { setBack } from './updates.ts';
import { unfulfilled, type Wanted } from './wanted.ts';
import { attemptAll } from './write.ts';

/**
 * Triggers may have written over what was set back, as a deal's time of entering a stage. It is set once
 * more, now that all else stands; what the rules of the records still change then is not called undone.
 */
export async function settle(tx: Tx, wanted: Wanted, work: Work): Promise<void> {
  const again = await unfulfilled(tx, wanted.all);
  for (const [table, wishes] of Map.groupBy(again, (wish) => wish.table)) {
    const rule = rules[wishes[0]?.row.entity ?? 'deals'];
    if (rule === 'never') continue;
    await attemptAll(tx, wishes, (some) =>
      setBack(
        tx,
        { table, rules: rule },
        some.map(({ row, image, columns }) => ({ id: row.id, image, columns })),
      ),
    );
  }
  await holdClosing(tx, wanted);
  for (const { row, columns } of await unfulfilled(tx, wanted.all)) {
    const one = work.undone.find(({ entity, id }) => entity === row.entity && id === row.id);
    for (const name of columns) {
      if (!one?.fields.some(({ field }) => field === camel(name))) continue;
      one.fields = one.fields.filter(({ field }) => field !== camel(name));
      if (!followsStage(work, row, name)) keep(work, row, { reason: 'rule', field: name });
    }
  }
  work.undone = work.undone.filter(
    ({ action, fields }) => action !== 'changed' || fields.length > 0,
  );
}

/** The probability of a stage stays with the stage that is named as having stayed. */
const followsStage = ({ kept }: Work, { entity, id }: Logged, column: string): boolean =>
  column === 'probability' &&
  kept.some((one) => one.entity === entity && one.id === id && one.field === 'stageId');

const closing = ['closed_on', 'lost_reason_id', 'lost_note', 'probability_manual', 'probability'];

/** A deal whose stage stayed closed or open, because others keep it so, stays so with all that was said of it. */
async function holdClosing(tx: Tx, wanted: Wanted): Promise<void> {
  const deals = wanted.all.filter(({ row }) => row.entity === 'deals' && row.op === 'U');
  const [first] = deals;
  const rule = rules.deals;
  if (!first || rule === 'never') return;
  const ids = deals.map(({ row }) => row.id);
  await sql`
    update deals d set probability = s.probability from stages s
    where d.organization_id = sync.org() and d.id = any(${ids}::uuid[])
      and s.organization_id = d.organization_id and s.id = d.stage_id
      and not d.probability_manual and d.probability <> s.probability`.execute(tx);
  const { rows } = await sql<{ id: string; state: string }>`
    select id, state from deals where organization_id = sync.org() and id = any(${ids}::uuid[])`.execute(
    tx,
  );
  const stateOf = new Map(rows.map(({ id, state }) => [id, state]));
  const held = deals.filter(
    ({ row }) => row.before && 'state' in row.before && stateOf.get(row.id) !== row.before['state'],
  );
  await setBack(
    tx,
    { table: first.table, rules: rule },
    held.map(({ row, columns }) => ({
      id: row.id,
      image: row.afterText ?? '{}',
      columns: columns.filter((name) => closing.includes(name)),
    })),
  );
}
