import type { Pool } from 'pg';
import { nobody } from '#server/live/canary.ts';

interface Options {
  /** How many days the log keeps whole images. */
  keepDays: number;
  /** Those who must have read what goes. */
  readers: string[];
  signal: AbortSignal;
}

/** What became of the days that are over: dropped, or kept because somebody has still to read them. */
export interface Dropped {
  dropped: string[];
  kept: string[];
}

/**
 * Drops the days of the change log that are older than it keeps. A day that a reader has not passed in
 * every organization, or of which something was set aside, stays until it has.
 */
export async function dropOldImages(
  owner: Pool,
  { keepDays, readers, signal }: Options,
): Promise<Dropped> {
  const done: Dropped = { dropped: [], kept: [] };
  for (const day of await oldDays(owner, keepDays)) {
    signal.throwIfAborted();
    if (await isUnread(owner, day, readers)) done.kept.push(day);
    else {
      await dropDay(owner, day);
      done.dropped.push(day);
    }
  }
  return done;
}

async function oldDays(owner: Pool, keepDays: number): Promise<string[]> {
  const { rows } = await owner.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'sync.change_log'::regclass and c.relname ~ '^change_log_[0-9]{8}$'
       and c.relname < 'change_log_' || to_char(current_date - $1::int, 'YYYYMMDD')
     order by 1`,
    [keepDays],
  );
  return rows.map(({ name }) => name);
}

async function isUnread(owner: Pool, day: string, readers: string[]): Promise<boolean> {
  const { rows } = await owner.query(
    `with day as (
       select t.organization_id, t.pos
       from (select distinct xid, organization_id, at from sync.${day} where organization_id <> $2) l
       join sync.change_tx t on t.xid = l.xid and t.organization_id = l.organization_id and t.at = l.at)
     select from (select organization_id, max(pos) as pos from day group by 1) d cross join unnest($1::text[]) r
       left join sync.reader_cursors c on c.organization_id = d.organization_id and c.reader = r
       where coalesce(c.pos, 0) < d.pos
     union all
     select from day d join sync.reader_poison p on p.organization_id = d.organization_id and p.pos = d.pos
     limit 1`,
    [readers, nobody],
  );
  return rows.length > 0;
}

/** Whoever writes just now is not held up: after two seconds it is left for the next night. */
async function dropDay(owner: Pool, day: string): Promise<void> {
  await owner.query(`begin; set local lock_timeout = '2s';
    alter table sync.change_log detach partition sync.${day};
    drop table sync.${day}; commit`);
}
