import type { Pool } from 'pg';
import { Gauge } from 'prom-client';
import { onceAtATime } from '#server/metrics.ts';

export interface JobState {
  name: string;
  dueAt: Date;
  finishedAt: Date | null;
  /** Since it was last done. */
  failures: number;
  failedAt: Date | null;
  lastError: string | null;
}

/** How each job stands that any node has ever begun. */
export async function readJobs(owner: Pool): Promise<JobState[]> {
  const { rows } = await owner.query<JobState>(
    `select name, due_at as "dueAt", finished_at as "finishedAt", failures, failed_at as "failedAt",
       last_error as "lastError"
     from platform.jobs order by name`,
  );
  return rows;
}

/** Which jobs fail, and which are not done any more, asked when somebody looks. */
export function collectJobs(owner: Pool, names: readonly string[]): void {
  const look = onceAtATime(() => readJobs(owner));
  const tell = async (gauge: Gauge<'job'>, figure: (state: JobState | undefined) => number) => {
    const states = await look().catch(() => undefined);
    if (!states) return;
    for (const job of names) gauge.set({ job }, figure(states.find(({ name }) => name === job)));
  };
  new Gauge({
    name: 'job_failures',
    help: 'How often a job of the clock has failed since it was last done.',
    labelNames: ['job'],
    collect() {
      return tell(this, (state) => state?.failures ?? 0);
    },
  });
  new Gauge({
    name: 'job_done_timestamp_seconds',
    help: 'When a job of the clock was last done by any node; 0 for never.',
    labelNames: ['job'],
    collect() {
      return tell(this, (state) => (state?.finishedAt?.getTime() ?? 0) / 1000);
    },
  });
}
