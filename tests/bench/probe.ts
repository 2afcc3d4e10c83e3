import { answer } from './programs.ts';

/** Loaded beside a server under test: tells what the process uses, after a garbage collection. */
export const probe = {
  async memory(): Promise<{ heap: number; resident: number }> {
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, resident: rss };
  },
  /** Seconds of processor so far. */
  processor(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};

answer(probe);
process.channel?.unref();
