import type { Frame } from '#lib/shared/wire.ts';
import type { Arrival } from './store.svelte.ts';
import type { Held } from './wanted.svelte.ts';

/** A frame as it came, and what was in it for this browser. */
export interface Taken {
  at: number;
  frame: Frame;
  arrivals: Arrival[];
}

/** The state of the engine, for the one who looks into it. */
export interface Inspection {
  epoch: string;
  position: number;
  /** The keys to rows that the server counted when it last began. */
  rights: string[];
  clientId: string;
  socketId: string | undefined;
  subscriptions: Held[];
}

const mostFrames = 50;

/** Remembers the last frames, and now and then asks how long ago the newest was committed. */
export class Recorder {
  readonly frames: Taken[] = [];
  /** Milliseconds from a commit to this screen, by the server's clock. */
  lag = $state<number>();
  /** Milliseconds from one question to the next. */
  askEvery = 10_000;
  readonly #ask: (position: number, answer: (lag: number) => void) => void;
  #askedAt = 0;

  constructor(ask: (position: number, answer: (lag: number) => void) => void) {
    this.#ask = ask;
  }

  /** The frame is shown. */
  took(frame: Frame, arrivals: Arrival[]): void {
    this.frames.push({ at: Date.now(), frame, arrivals });
    if (this.frames.length > mostFrames) this.frames.shift();
    const now = performance.now();
    if (arrivals.length === 0 || now - this.#askedAt < this.askEvery) return;
    this.#askedAt = now;
    this.#ask(frame[1], (lag) => (this.lag = lag));
  }
}
