/** Somebody who runs code: a tab, a server, the database. What is gone runs nothing any more. */
export interface Actor {
  name: string;
  isAlive: boolean;
}

interface Event {
  at: number;
  order: number;
  actor: Actor;
  run: (() => void) | undefined;
}

export interface Timer {
  cancel(): void;
}

const realImmediate = setImmediate;

/**
 * Virtual time. Events run one after the other; each belongs to one actor, and so do the timers that are
 * set and the promises that continue while it runs, because nobody reaches another but by an event.
 */
export class Clock {
  now = 1_800_000_000_000;
  current: Actor = { name: 'nobody', isAlive: true };
  ran = 0;
  readonly #events: Event[] = [];
  #order = 0;

  after(delay: number, run: () => void, actor: Actor = this.current): Timer {
    this.#order += 1;
    const event: Event = { at: this.now + Math.max(0, delay), order: this.#order, actor, run };
    this.#push(event);
    return { cancel: () => (event.run = undefined) };
  }

  /** Runs what is due until a moment, or until it is told to stop. */
  async runUntil(moment: number, isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      const next = this.#events[0];
      if (!next || next.at > moment || isDone()) break;
      this.#pop();
      if (!next.run || !next.actor.isAlive) continue;
      this.now = next.at;
      await this.#run(next.actor, next.run);
    }
    this.now = Math.max(this.now, moment);
  }

  /** Runs something as an actor, and all the promises that continue because of it. */
  async #run(actor: Actor, run: () => void): Promise<void> {
    this.current = actor;
    this.ran += 1;
    run();
    await new Promise((resolve) => realImmediate(resolve));
  }

  #push(event: Event): void {
    const events = this.#events;
    let at = events.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent] as Event;
      if (!isBefore(event, above)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  #pop(): void {
    const events = this.#events;
    const last = events.pop() as Event;
    if (events.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      const right = events[child + 1];
      if (right && isBefore(right, events[child] as Event)) child += 1;
      const below = events[child] as Event;
      if (!isBefore(below, last)) break;
      events[at] = below;
      at = child;
    }
    events[at] = last;
  }
}

const isBefore = (a: Event, b: Event): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);
