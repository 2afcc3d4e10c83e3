import type { Browser } from './browser.ts';
import type { Clock } from './clock.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';

/** The run that goes on now: what stands in for libraries and globals finds its parts here. */
export const here = {} as {
  clock: Clock;
  /** Decides delays and faults. */
  chance: Random;
  network: Network;
  /** The browser of the tab whose code runs now. */
  browserOf?(): Browser | undefined;
  /** A line of the trace. */
  note(text: string): void;
};
