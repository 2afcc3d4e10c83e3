import type { EntityName } from '#lib/shared/entities.ts';
import { badInput } from '#lib/shared/errors.ts';
import type { Access } from '#lib/shared/standing.ts';
import { memberKeys, rowKeys, type Member } from './access.ts';
import type { Tx } from './live/transaction.ts';

interface Named {
  dealId: string | null;
  customerId: string | null;
  ownerId: string | null;
  teamId: string | null;
  mentions: string[];
}

/** Only who is here and may read a note, and what it is about, can be named in it. */
export async function requireMentionable(
  tx: Tx,
  { organizationId }: Member,
  note: Named,
  known: readonly string[] = [],
): Promise<void> {
  const fresh = note.mentions.filter((id) => !known.includes(id));
  if (fresh.length === 0) return;
  const people = await tx
    .selectFrom('members as m')
    .innerJoin('roles as r', (join) =>
      join.onRef('r.organizationId', '=', 'm.organizationId').onRef('r.id', '=', 'm.roleId'),
    )
    .select(['m.id as memberId', 'm.teamId', 'r.access'])
    .where('m.organizationId', '=', organizationId)
    .where('m.id', 'in', fresh)
    .where('m.isActive', '=', true)
    .execute();
  const about = await keysOfAll(tx, note);
  const mayRead = people.filter((person) => {
    const held = new Set(memberKeys({ ...person, access: person.access as Access }));
    return about.every((keys) => keys.some((key) => held.has(key)));
  });
  if (mayRead.length < new Set(fresh).size) throw badInput('mentions', 'cannotSee');
}

/** The keys of the note and of each record that it is about. */
async function keysOfAll(tx: Tx, note: Named): Promise<string[][]> {
  const keys = [rowKeys('activities', { ...note })];
  const records = [
    ['deals', note.dealId],
    ['customers', note.customerId],
  ] as const satisfies [EntityName, string | null][];
  for (const [entity, id] of records) {
    if (!id) continue;
    const row = await tx
      .selectFrom(entity)
      .select(['ownerId', 'teamId'])
      .where('id', '=', id)
      .executeTakeFirst();
    keys.push(rowKeys(entity, row ?? {}));
  }
  return keys;
}
