import type { Pool } from 'pg';

/** A run that this node may do, until it is told otherwise. */
export interface Lease {
  name: string;
  run: number;
  /** When it began, by the clock of the database. */
  at: Date;
}

/** Takes a job that is due and that no node is at; of several nodes that ask, one gets it. */
export async function claim(pool: Pool, name: string, ms: number): Promise<Lease | undefined> {
  const { rows } = await pool.query<Lease>(
    `insert into platform.jobs as j (name, run, leased_until)
     values ($1, 1, now() + make_interval(secs => $2))
     on conflict (name) do update set run = j.run + 1, leased_until = excluded.leased_until
       where j.due_at <= now() and j.leased_until < now()
     returning name, run, now() as at`,
    [name, ms / 1000],
  );
  return rows[0];
}

/** Keeps others away for another while; false when one of them has taken over already. */
export async function extend(pool: Pool, { name, run }: Lease, ms: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update platform.jobs set leased_until = now() + make_interval(secs => $3)
     where name = $1 and run = $2`,
    [name, run, ms / 1000],
  );
  return rowCount === 1;
}

export async function finish(pool: Pool, { name, run }: Lease, next: Date): Promise<void> {
  await pool.query(
    `update platform.jobs set due_at = $3, leased_until = '-infinity', finished_at = now(), failures = 0
     where name = $1 and run = $2`,
    [name, run, next],
  );
}

/** Its lease runs out, and then it is tried again; until it is done it stands as failing. */
export async function fail(pool: Pool, { name, run }: Lease, error: unknown): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  await pool.query(
    `update platform.jobs set failures = failures + 1, failed_at = now(), last_error = $3
     where name = $1 and run = $2`,
    [name, run, reason.replaceAll('\0', '').slice(0, 1_000)],
  );
}
