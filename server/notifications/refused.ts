import type { RefusedNotice } from '#lib/shared/notifications.ts';
import { rowKeys, type Member } from '../access.ts';
import type { Tx } from '../live/transaction.ts';
import { deliver } from './deliver.ts';
import { isSubject, keysOf, recordsNow, titleOf } from './records.ts';
import type { Target } from './told.ts';

/**
 * Tells a person that something was refused which he did a while before, when he may not be there any more.
 * It is told of the record where he sees it; where he does not, as where there never was one, of himself.
 */
export async function tellRefused(tx: Tx, member: Member, notice: RefusedNotice): Promise<void> {
  const { key, name, recordId, about, madeAt } = notice;
  const { organizationId, memberId } = member;
  const record = await recordOf(tx, name, recordId);
  const himself: Target = {
    ...{ entity: 'members', id: memberId, title: about ?? member.name },
    keys: rowKeys('notifications', { memberId }),
    ...{ ownerId: null, createdBy: null },
  };
  await deliver(tx, organizationId, {
    told: [
      {
        rule: { kind: 'refused', words: 'refused', severity: 'warning' },
        ...{ to: [memberId], toFollowers: false, actor: null },
        targets: record ? [record, himself] : [himself],
        about: undefined,
        data: { words: 'refused', madeAt: new Date(madeAt) },
        position: 0,
        source: `refused/${key}`,
        thread: `refused/${recordId}`,
        at: new Date(),
      },
    ],
  });
}

/** As it is now, or as the history knows it last. */
async function recordOf(tx: Tx, name: string, id: string): Promise<Target | undefined> {
  const [entity = ''] = name.split('.');
  if (!isSubject(entity)) return undefined;
  const unowned = { ownerId: null, createdBy: null };
  const row = (await recordsNow(tx, entity, [id])).get(id);
  if (row) return { entity, id, title: titleOf(row), keys: keysOf(entity, row), ...unowned };
  const last = await tx
    .selectFrom('sync.subjects')
    .select(['title', 'keys'])
    .where('entity', '=', entity)
    .where('id', '=', id)
    .executeTakeFirst();
  return last && { entity, id, title: last.title ?? '', keys: last.keys, ...unowned };
}
