import { createTask } from 'node-cron';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { claim, extend, fail, finish, type Lease } from './lease.ts';

/**
 * Work that comes round by the clock. A node that dies at it, or is thought dead, is replaced by another:
 * so it must be safe to run twice.
 */
export interface Job {
  name: string;
  /** Five fields, as in crontab, in UTC. */
  schedule: string;
  /** `signal`: another node does it now. */
  run(signal: AbortSignal): Promise<object>;
}

interface Options {
  jobs: Job[];
  /** The login that migrates; when a job is due stands in the database, for all nodes. */
  pool: Pool;
  log: Pick<Logger, 'info' | 'error'>;
  /** How often to look what is due, and for how long a node that says nothing keeps a job. */
  lookEvery?: number;
  leaseFor?: number;
}

/** Does each job once when it is due, on one node, and again where that node did not finish. */
export function startClock({ jobs, pool, log, lookEvery = 5_000, leaseFor = 30_000 }: Options): {
  stop(): Promise<void>;
} {
  const running = new Set<string>();
  let looking = Promise.resolve();
  const look = () => {
    const idle = jobs.filter(({ name }) => !running.has(name));
    looking = Promise.all([looking, ...idle.map(tryJob)]).then(() => undefined);
  };
  const tryJob = async (job: Job) => {
    running.add(job.name);
    try {
      const lease = await claim(pool, job.name, leaseFor);
      if (lease) await runJob(job, lease);
    } catch (error) {
      log.error({ job: job.name, err: error }, 'job failed');
    } finally {
      running.delete(job.name);
    }
  };
  const runJob = async ({ name, schedule, run }: Job, lease: Lease) => {
    const lost = new AbortController();
    const keep = setInterval(() => {
      extend(pool, lease, leaseFor).then(
        (isOurs) => isOurs || lost.abort(),
        () => undefined,
      );
    }, leaseFor / 3);
    const began = performance.now();
    try {
      const done = await run(lost.signal);
      await finish(pool, lease, nextAfter(schedule, lease.at));
      log.info({ job: name, ...done, ms: Math.round(performance.now() - began) }, 'job done');
    } catch (error) {
      await fail(pool, lease, error).catch(() => undefined);
      throw error;
    } finally {
      clearInterval(keep);
    }
  };
  look();
  const timer = setInterval(look, lookEvery);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** By the clock of the database, which may not be this machine's. */
function nextAfter(schedule: string, at: Date): Date {
  const task = createTask(schedule, () => undefined, { timezone: 'UTC' });
  const next = task.getNextRuns(5).find((one) => one > at);
  void task.destroy();
  if (!next) throw new Error(`${schedule} never comes after ${at.toISOString()}`);
  return next;
}
