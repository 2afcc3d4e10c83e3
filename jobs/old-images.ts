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
  const since = day.replace(/^change_log_(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');
  const { rows } = await owner.query<{ isUnread: boolean }>(
    `select sync.is_unread($1::date, $1::date + 1, $2, $3) as "isUnread"`,
    [since, readers, nobody],
  );
  return rows[0]?.isUnread !== false;
}

/** Whoever writes just now is not held up: after two seconds it is left for the next night. */
async function dropDay(owner: Pool, day: string): Promise<void> {
  await owner.query(`begin; set local lock_timeout = '2s';
    alter table sync.change_log detach partition sync.${day};
    drop table sync.${day}; commit`);
}
