import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import type { Kept, Undone, Work } from './answer.ts';

const mostTold = 200;

/** One entry a record: the way from how it was to how it is now, over all its changes that went back. */
export function inOnePiece(all: Undone[]): Undone[] {
  const byRecord = new Map<string, Undone>();
  for (const one of all) {
    const key = `${one.entity} ${one.id}`;
    const newer = byRecord.get(key);
    byRecord.set(key, newer ? joined(newer, one) : one);
  }
  return [...byRecord.values()];
}

function joined(newer: Undone, older: Undone): Undone {
  if (older.action !== 'changed') return older;
  if (newer.action !== 'changed') return newer;
  const fields = new Map(newer.fields.map((one) => [one.field, one]));
  for (const { field, from, to } of older.fields)
    fields.set(field, { field, from: fields.has(field) ? fields.get(field)?.from : from, to });
  return { ...older, fields: [...fields.values()] };
}

/** What stayed, each once, with who was at it since. */
export async function whyKept(tx: Tx, kept: Work['kept']): Promise<Kept[]> {
  const once = new Map(
    kept.map((one) => [`${one.entity} ${one.id} ${one.field} ${one.reason}`, one]),
  );
  const told = [...once.values()].slice(0, mostTold);
  const asked = told.filter(({ reason }) => reason === 'changed' || reason === 'deleted');
  const { rows } = await sql<{
    n: number;
    at: Date;
    actor: string | null;
    memberId: string | null;
    name: string | null;
  }>`
    select asked.n, since.at, since.actor, m.id as member_id, m.name
    from unnest(${asked.map(({ entity }) => entity)}::text[], ${asked.map(({ id }) => id)}::uuid[],
      ${asked.map(({ field }) => snake(field ?? ''))}::text[], ${asked.map(({ pos }) => pos)}::bigint[])
      with ordinality as asked (entity, id, field, pos, n)
    cross join lateral (
      select t.at, t.actor from sync.change_log l
      join sync.change_tx t on t.xid = l.xid and t.organization_id = l.organization_id and t.at = l.at
      where l.organization_id = sync.org() and l.entity = asked.entity and l.id = asked.id and t.pos > asked.pos
        and (l.op <> 'U' or l.before ? asked.field)
      order by t.pos desc, l.ord desc limit 1) since
    left join members m on m.organization_id = sync.org() and m.id::text = since.actor`.execute(tx);
  const since = new Map(rows.map((row) => [asked[row.n - 1], row]));
  return told.map(({ pos: _, ...one }, place) => {
    const who = since.get(told[place]);
    if (!who) return one;
    const { at, actor, memberId, name } = who;
    const by = actor === null ? undefined : { memberId, name: name ?? actor };
    return { ...one, at, ...(by && { by }) };
  });
}

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
