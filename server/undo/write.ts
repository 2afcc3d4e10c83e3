import { sql } from 'kysely';
import { isStalePlan } from '#db/prepared.ts';
import type { Tx } from '../live/transaction.ts';
import type { KeptReason } from './answer.ts';

const reasons: Record<string, KeptReason> = {
  '23503': 'missing',
  '23505': 'taken',
  '23514': 'rule',
  '23502': 'rule',
  '22P02': 'rule',
  '22003': 'rule',
  '0A000': 'rule',
  P0001: 'rule',
};

/** Runs a write so that the database may refuse it and the rest goes on; answers why it did. */
export async function attempt(tx: Tx, write: () => Promise<unknown>): Promise<KeptReason | 'done'> {
  await sql`savepoint one_write`.execute(tx);
  try {
    await write();
    await sql`release savepoint one_write`.execute(tx);
    return 'done';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = reasons[code];
    if (!reason || isStalePlan(error)) throw error;
    await sql`rollback to savepoint one_write`.execute(tx);
    return reason;
  }
}

/** Writes many at once; where one of them is refused, each by itself. */
export async function attemptAll<T>(
  tx: Tx,
  all: T[],
  write: (some: T[]) => Promise<unknown>,
): Promise<{ done: T[]; refused: [T, KeptReason][] }> {
  if (all.length === 0) return { done: [], refused: [] };
  const together = await attempt(tx, () => write(all));
  if (together === 'done') return { done: all, refused: [] };
  const [only] = all;
  if (all.length === 1 && only !== undefined) return { done: [], refused: [[only, together]] };
  const done: T[] = [];
  const refused: [T, KeptReason][] = [];
  for (const one of all) {
    const alone = await attempt(tx, () => write([one]));
    if (alone === 'done') done.push(one);
    else refused.push([one, alone]);
  }
  return { done, refused };
}
