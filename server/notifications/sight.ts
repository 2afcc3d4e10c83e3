import type { LoggedTx } from '../readers/reader.ts';
import type { Tx } from '../live/transaction.ts';
import { holdsOne, listeners } from './people.ts';
import { isSubject, keysOf, recordsNow, subjects, type Stored } from './records.ts';

/** Takes away what is told of records that are deleted, before anything is told of their deletion. */
export async function forgetDeleted(tx: Tx, changes: LoggedTx[]): Promise<void> {
  const ids = changes.flatMap(({ rows }) =>
    rows.flatMap(({ entity, id, op }) => (op === 'D' && isSubject(entity) ? [id] : [])),
  );
  if (ids.length === 0) return;
  await tx
    .deleteFrom('notifications')
    .where((eb) => eb.or([eb('recordId', 'in', ids), eb('subjectId', 'in', ids)]))
    .execute();
}

/** Takes away what is told of records that somebody lost sight of by these changes. */
export async function forgetUnseen(tx: Tx, changes: LoggedTx[]): Promise<void> {
  const rows = changes.flatMap((one) => one.rows);
  const roles = rows.filter((row) => row.entity === 'roles' && touches(row.before, ['access']));
  const standing = rows.filter(
    (row) =>
      row.entity === 'members' &&
      (row.op === 'D' || touches(row.before, ['role_id', 'team_id', 'is_active', 'user_id'])),
  );
  const handed = rows.filter(
    (row) =>
      isSubject(row.entity) && row.op === 'U' && touches(row.before, ['owner_id', 'team_id']),
  );
  if (roles.length + standing.length + handed.length === 0) return;
  const people = await listeners(tx);
  const those = await tx
    .selectFrom('notifications as n')
    .innerJoin('members as m', (join) =>
      join.onRef('m.organizationId', '=', 'n.organizationId').onRef('m.id', '=', 'n.memberId'),
    )
    .select(['n.id', 'n.memberId', 'n.entity', 'n.recordId', 'n.subjectId', 'n.keys'])
    .where((eb) =>
      eb.or([
        eb('m.roleId', 'in', withNone(roles)),
        eb('n.memberId', 'in', withNone(standing)),
        eb('n.recordId', 'in', withNone(handed)),
        eb('n.subjectId', 'in', withNone(handed)),
      ]),
    )
    .execute();
  const keys = await keysNow(tx, those);
  const unseen = those.filter(({ memberId, entity, recordId, subjectId, keys: last }) => {
    const held = people.get(memberId)?.keys ?? new Set<string>();
    // What is gone is judged by who could see it last.
    const ofRecord = keys.get(`${entity} ${recordId}`) ?? last;
    const ofSubject = subjectId === null ? ofRecord : (keys.get(`activities ${subjectId}`) ?? []);
    return !holdsOne(held, ofRecord) || !holdsOne(held, ofSubject);
  });
  if (unseen.length === 0) return;
  const ids = unseen.map(({ id }) => id);
  await tx.deleteFrom('notifications').where('id', 'in', ids).execute();
}

const nobody = '00000000-0000-0000-0000-000000000000';
const withNone = (rows: { id: string }[]): string[] => [
  nobody,
  ...new Set(rows.map(({ id }) => id)),
];

const touches = (before: Stored | null, columns: string[]): boolean =>
  columns.some((column) => before !== null && Object.hasOwn(before, column));

async function keysNow(
  tx: Tx,
  those: { entity: string; recordId: string; subjectId: string | null }[],
): Promise<Map<string, string[]>> {
  const keys = new Map<string, string[]>();
  for (const entity of subjects) {
    const ids = those.flatMap((one) => [
      ...(one.entity === entity ? [one.recordId] : []),
      ...(entity === 'activities' && one.subjectId ? [one.subjectId] : []),
    ]);
    for (const [id, row] of await recordsNow(tx, entity, ids))
      keys.set(`${entity} ${id}`, keysOf(entity, row));
  }
  return keys;
}
