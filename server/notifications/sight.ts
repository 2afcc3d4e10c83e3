import type { LoggedTx } from '../readers/reader.ts';
import type { Tx } from '../live/transaction.ts';
import { holdsOne, listeners, type Listener } from './people.ts';
import { isSubject, keysOf, recordsNow, subjects, type Stored } from './records.ts';
import type { Told } from './told.ts';

/** A record that changed hands or was deleted: under which keys it is seen from then on. */
interface Handover {
  id: string;
  position: number;
  source: string;
  keys: string[] | 'deleted';
}

/** The handovers of some transactions, in order. */
export function handoversIn(changes: LoggedTx[]): Handover[] {
  return changes.flatMap(({ position, rows }) =>
    rows.flatMap(({ entity, id, op, rev, before, after }): Handover[] => {
      if (!isSubject(entity)) return [];
      const place = { id, position, source: `${position}/${rev}` };
      if (op === 'D') return [{ ...place, keys: 'deleted' }];
      const isHanded = op === 'U' && after && touches(before, ['owner_id', 'team_id']);
      return isHanded ? [{ ...place, keys: keysOf(entity, after) }] : [];
    }),
  );
}

/** Takes away what was told of records before they were deleted, or to whom they are out of sight now. */
export async function forgetHanded(tx: Tx, handovers: Handover[]): Promise<void> {
  if (handovers.length === 0) return;
  const byId = Map.groupBy(handovers, ({ id }) => id);
  const ids = [...byId.keys()];
  const those = await tx
    .selectFrom('notifications')
    .select(['id', 'memberId', 'recordId', 'subjectId'])
    .where((eb) => eb.or([eb('recordId', 'in', ids), eb('subjectId', 'in', ids)]))
    .execute();
  if (those.length === 0) return;
  const people = await listeners(tx);
  const gone = those.filter(({ memberId, recordId, subjectId }) =>
    [recordId, subjectId].some((id) =>
      (byId.get(id ?? '') ?? []).some(({ keys }) => !isSeen(people.get(memberId), keys)),
    ),
  );
  await remove(tx, gone);
}

/** What is told of a record goes again with a handover that comes after it. */
export function outlasts(listener: Listener, told: Told, handovers: Handover[]): boolean {
  const ids = [...told.targets, ...(told.about ? [told.about] : [])].map(({ id }) => id);
  return handovers
    .filter(({ id, position, source }) => {
      const isAfter =
        position > told.position || (position === told.position && source !== told.source);
      return isAfter && ids.includes(id);
    })
    .every(({ keys }) => isSeen(listener, keys));
}

const isSeen = (listener: Listener | undefined, keys: Handover['keys']): boolean =>
  keys !== 'deleted' && listener !== undefined && holdsOne(listener.keys, keys);

/** Takes away what is told of records that somebody lost sight of because his standing changed. */
export async function forgetUnseen(tx: Tx, changes: LoggedTx[]): Promise<void> {
  const rows = changes.flatMap((one) => one.rows);
  const roles = rows.filter((row) => row.entity === 'roles' && touches(row.before, ['access']));
  const standing = rows.filter(
    (row) =>
      row.entity === 'members' &&
      (row.op === 'D' || touches(row.before, ['role_id', 'team_id', 'is_active', 'user_id'])),
  );
  if (roles.length + standing.length === 0) return;
  const those = await tx
    .selectFrom('notifications as n')
    .innerJoin('members as m', (join) =>
      join.onRef('m.organizationId', '=', 'n.organizationId').onRef('m.id', '=', 'n.memberId'),
    )
    .select(['n.id', 'n.memberId', 'n.entity', 'n.recordId', 'n.subjectId', 'n.keys'])
    .where((eb) =>
      eb.or([eb('m.roleId', 'in', withNone(roles)), eb('n.memberId', 'in', withNone(standing))]),
    )
    .execute();
  await remove(tx, await unseenOf(tx, those));
}

/** Of some notifications those whose readers see at this moment what they are about. */
export async function seenNow(tx: Tx, ids: string[]): Promise<Set<string>> {
  const those = await tx
    .selectFrom('notifications')
    .select(['id', 'memberId', 'entity', 'recordId', 'subjectId', 'keys'])
    .where('id', 'in', ids)
    .execute();
  const unseen = new Set((await unseenOf(tx, those)).map(({ id }) => id));
  return new Set(those.flatMap(({ id }) => (unseen.has(id) ? [] : [id])));
}

interface Shown {
  id: string;
  memberId: string;
  entity: string;
  recordId: string;
  subjectId: string | null;
  keys: string[];
}

async function unseenOf(tx: Tx, those: Shown[]): Promise<Shown[]> {
  const people = await listeners(tx);
  const keys = await keysNow(tx, those);
  return those.filter(({ memberId, entity, recordId, subjectId, keys: last }) => {
    const held = people.get(memberId)?.keys ?? new Set<string>();
    // What is gone is judged by who could see it last.
    const ofRecord = keys.get(`${entity} ${recordId}`) ?? last;
    const ofSubject = subjectId === null ? ofRecord : (keys.get(`activities ${subjectId}`) ?? []);
    return !holdsOne(held, ofRecord) || !holdsOne(held, ofSubject);
  });
}

async function remove(tx: Tx, those: { id: string }[]): Promise<void> {
  if (those.length === 0) return;
  const ids = those.map(({ id }) => id);
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
