import { z } from 'zod/mini';
import { entityNames } from '#lib/shared/entities.ts';
import { AppError } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { levelOf, type Level } from '#lib/shared/standing.ts';
import {
  entityAccess,
  memberKeys,
  personal,
  rowKeys,
  type Member,
  type Permission,
} from './access.ts';
import type { Tx } from './live/transaction.ts';
import { visibleRecord, type RecordTable } from './records.ts';
import { member, query, router } from './trpc.ts';

/** The rule that lets a member see a record or not, and how it fell out. */
export interface Explained {
  role: string;
  /** What one needs in order to see records of this kind, and how far one's role grants it. */
  permission: Permission | typeof personal;
  level: Level;
  /** The keys one holds to such records. */
  held: string[];
  /** Those of them that open this one; empty where there is no such record, or none to be seen. */
  opening: string[];
}

export const access = router({
  /** Why do I, or do I not, see this record? What is not there and what is not mine answer the same. */
  why: member
    .input(z.strictObject({ entity: z.enum(entityNames), id: field.id }))
    .query(({ ctx, input }) => query(ctx, (tx) => explain(tx, ctx.member, input))),
});

async function explain(
  tx: Tx,
  who: Member,
  { entity, id }: { entity: RecordTable; id: string },
): Promise<Explained> {
  const { view } = entityAccess[entity];
  const level = view === personal ? 'own' : levelOf(who, view);
  const held = memberKeys(who).filter((key) => key.startsWith(`${view}:`));
  const row = await findVisible(tx, entity, { member: who, id });
  const opening = row ? rowKeys(entity, { ...row }).filter((key) => held.includes(key)) : [];
  return { role: who.roleSlug, permission: view, level, held, opening };
}

async function findVisible(
  ...asked: Parameters<typeof visibleRecord<RecordTable>>
): Promise<object | undefined> {
  try {
    return await visibleRecord(...asked);
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
