import { sql } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import { AppError, notFound } from '#lib/shared/errors.ts';
import type { Member } from '../access.ts';
import type { Tx } from '../live/transaction.ts';
import { mayRestore } from '../undo/fallen.ts';
import { trackedTables } from '../undo/logged.ts';
import { rules } from '../undo/rules.ts';
import { couldSee } from '../undo/standing.ts';
import { takeBack } from '../undo/take-back.ts';
import { fallWith, lastDeletion, whatIsMissing } from './gone.ts';

/**
 * Brings a deleted record back with all that fell with it: an undo of its deletion, and of nothing else
 * that was done in the same moment. What one may not see was never there.
 */
export async function restoreRecord(
  tx: Tx,
  member: Member,
  { entity, id }: { entity: EntityName; id: string },
): Promise<{ entity: EntityName; id: string; restored: number }> {
  const root = rules[entity] === 'never' ? undefined : await lastDeletion(tx, entity, id);
  if (!root || !couldSee(member, root)) throw notFound();
  if (!mayRestore(member, root)) throw new AppError('FORBIDDEN', { reason: 'notYours' });
  await sql`select set_config('app.run_id', ${`undo:${root.pos}`}, true)`.execute(tx);
  const tables = await trackedTables(tx);
  const [deletion] = await fallWith(tx, [root], tables);
  const { undone, kept } = await takeBack(tx, member, deletion?.rows ?? []);
  const isBack = undone.some((one) => one.entity === entity && one.id === id);
  if (!isBack) {
    const missing = await whatIsMissing(tx, root, tables);
    const reason = kept.find((one) => one.id === id)?.reason ?? 'rule';
    throw missing
      ? new AppError('CONFLICT', { reason: 'restoreMissing', params: { entity: missing } })
      : new AppError('CONFLICT', {
          reason: reason === 'taken' ? 'restoreTaken' : 'restoreRefused',
        });
  }
  return { entity, id, restored: undone.filter(({ action }) => action === 'restored').length };
}
