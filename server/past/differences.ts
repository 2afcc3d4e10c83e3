import { sql } from 'kysely';
import type { PoolClient } from 'pg';
import { columnsOf, type AnyRow, type EntityName } from '#lib/shared/entities.ts';
import type { Member } from '../access.ts';
import { reachesOf } from '../history-reach.ts';
import { loadRecords } from '../live/snapshots.ts';
import type { Tx } from '../live/transaction.ts';
import { everything } from '../access.ts';

/** A record that is not now what it was: who changed it last, and which fields say what today. */
export interface Difference {
  id: string;
  at: Date;
  actor: string | null;
  /** Null where it is no more. */
  now: Record<string, unknown> | null;
}

export interface Differences {
  changed: Difference[];
  /** How many records have come since. */
  added: number;
  /** Whether more have changed than are told. */
  isCut: boolean;
}

const most = 2_000;
/** Where a card lies among others is no news. */
const untold = ['rank', 'position'];

/** What of an entity is different today from what it was at a position, as far as the member may see it. */
export async function differencesSince(
  tx: Tx,
  client: PoolClient,
  past: PoolClient,
  { entity, member, position }: { entity: EntityName; member: Member; position: number },
): Promise<Differences> {
  const [reach] = await reachesOf(tx, member, entity);
  if (!reach) return { changed: [], added: 0, isCut: false };
  const { rows } = await sql<{ id: string; at: Date; actor: string | null }>`
    select x.id,
      max(t.at) as at, (array_agg(t.actor order by t.pos desc, l.ord desc))[1] as actor
    from sync.change_tx t join sync.change_log l
      on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
    cross join lateral (select l.id) x
    where t.organization_id = sync.org() and t.pos > ${position}::bigint and l.entity = ${entity} and ${reach.isSeen}
    group by x.id order by max(t.pos) desc limit ${most + 1}`.execute(tx);
  const told = rows.slice(0, most);
  const ids = told.map(({ id }) => id);
  const seesAll = everything(member);
  const were = await rowsOf(past, seesAll, entity, ids);
  const are = await rowsOf(client, member, entity, ids);
  const changed = told.flatMap(({ id, at, actor }): Difference[] => {
    const [was, is] = [were.get(id), are.get(id)];
    if (!was) return [];
    if (!is) return [{ id, at, actor, now: null }];
    const fields = columnsOf(entity).filter(
      (name) => !untold.includes(name) && JSON.stringify(was[name]) !== JSON.stringify(is[name]),
    );
    if (fields.length === 0) return [];
    return [{ id, at, actor, now: Object.fromEntries(fields.map((name) => [name, is[name]])) }];
  });
  const added = told.filter(({ id }) => !were.has(id) && are.has(id)).length;
  return { changed, added, isCut: rows.length > most };
}

async function rowsOf(
  client: PoolClient,
  member: Member,
  entity: EntityName,
  ids: string[],
): Promise<Map<string, AnyRow>> {
  const bodies = await loadRecords(client, member, entity, ids);
  const columns = columnsOf(entity);
  return new Map(
    [...bodies].map(([id, body]) => {
      const [[, , ...values] = []] = JSON.parse(body.toString()) as unknown[][];
      return [id, Object.fromEntries(columns.map((name, at) => [name, values[at]])) as AnyRow];
    }),
  );
}
