import { createTask } from 'node-cron';
import type { Logger } from 'pino';

/** Work that comes round by the clock; safe to run twice, and by two nodes at once. */
export interface Job {
  name: string;
  /** Five fields, as in crontab, in UTC. */
  schedule: string;
  run(): Promise<object>;
}

/** Runs each job once now and then by its schedule, never twice at a time. */
export function startClock({ jobs, log }: { jobs: Job[]; log: Logger }): { stop(): Promise<void> } {
  const running = new Set<Promise<void>>();
  const tasks = jobs.map(({ name, schedule, run }) => {
    const runOnce = async () => {
      const began = Date.now();
      try {
        log.info({ job: name, ...(await run()), ms: Date.now() - began }, 'job done');
      } catch (error) {
        log.error({ job: name, err: error }, 'job failed');
      }
    };
    const tracked = () => {
      const work = runOnce().finally(() => running.delete(work));
      running.add(work);
      return work;
    };
    const task = createTask(schedule, tracked, { name, noOverlap: true, timezone: 'UTC' });
    void tracked();
    void task.start();
    return task;
  });
  return {
    async stop() {
      for (const task of tasks) await task.destroy();
      await Promise.all(running);
    },
  };
}
