import type { AnyRow, EntityName } from '#lib/shared/entities.ts';
import type { Measure } from '#lib/shared/totals.ts';
import type { Cursor, Subscribe } from '#lib/shared/wire.ts';
import { LiveList } from './list.svelte.ts';
import { isUnder } from './store.svelte.ts';
import { LiveTotals } from './totals.svelte.ts';

/** How long rows and figures stay after the last one who asked for them is gone, in milliseconds. */
const rowsLinger = 10_000;
const totalsLinger = 1_000;
/** Keys of one message. */
const mostAsked = 500;

/** A subscription to rows: `ready` when they are all there, `refused` when they may not be had. */
export interface Subscription {
  readonly ready: boolean;
  readonly refused: string | undefined;
  stop(): void;
}

/** What one has subscribed to, and how much of it is here: rows, or groups of figures. */
export interface Held {
  key: string;
  ready: boolean;
  refused: string | undefined;
  rows?: number;
  groups?: number;
}

class Asked {
  users = 0;
  /** Whether the rows here belong to the cursor: not between a fresh start and their arrival. */
  isCurrent = false;
  ready = $state(false);
  refused = $state<string>();
}

interface Line {
  subscribe(message: Subscribe): void;
  unsubscribe(keys: string[]): void;
  range(key: string, from: number, to: number): void;
  /** Nobody asks for a topic any more. */
  onDrop(key: string): void;
}

/**
 * What the page has asked for, and how many use it. While the line is down nothing is sent; a new
 * connection begins with everything; what is asked for while it starts waits for the start.
 */
export class Wanted {
  readonly topics = new Map<string, Asked>();
  readonly totals = new Map<string, { totals: LiveTotals; users: number }>();
  readonly lists = new Map<string, { list: LiveList; users: number }>();
  readonly #line: Line;
  #state: 'down' | 'starting' | 'up' = 'down';
  #waiting = new Set<string>();

  constructor(line: Line) {
    this.#line = line;
  }

  topic(key: string, linger: number = rowsLinger): Subscription {
    let asked = this.topics.get(key);
    if (!asked) {
      this.topics.set(key, (asked = new Asked()));
      this.#ask(key);
    }
    asked.users += 1;
    const those = asked;
    const stop = once(() => {
      those.users -= 1;
      setTimeout(() => {
        if (those.users === 0 && this.#forget(this.topics, key, those)) this.#line.onDrop(key);
      }, linger);
    });
    return {
      get ready() {
        return those.ready;
      },
      get refused() {
        return those.refused;
      },
      stop,
    };
  }

  figures(
    key: string,
    { entity, measure }: { entity: EntityName; measure: Measure },
  ): { totals: LiveTotals; stop(): void } {
    const { held, stop } = this.#hold(this.totals, key, () => ({
      totals: new LiveTotals(entity, measure),
      users: 0,
    }));
    return { totals: held.totals, stop };
  }

  listing(key: string): { list: LiveList; stop(): void } {
    const ask = (from: number, to: number): void => {
      if (this.#state === 'up') this.#line.range(key, from, to);
    };
    const { held, stop } = this.#hold(this.lists, key, () => ({
      list: new LiveList(ask),
      users: 0,
    }));
    return { list: held.list, stop };
  }

  /** One more who uses what is kept under a key; it goes a moment after the last one has. */
  #hold<H extends { users: number }>(
    from: Map<string, H>,
    key: string,
    make: () => H,
  ): { held: H; stop(): void } {
    const known = from.get(key);
    const held = known ?? make();
    if (!known) {
      from.set(key, held);
      this.#ask(key);
    }
    held.users += 1;
    const stop = once(() => {
      held.users -= 1;
      setTimeout(() => {
        if (held.users === 0) this.#forget(from, key, held);
      }, totalsLinger);
    });
    return { held, stop };
  }

  /** All that is asked for, for the one who looks into the engine; `rowsOf` answers a topic's entity. */
  list(rowsOf: (key: string) => AnyRow[]): Held[] {
    const topics = [...this.topics].map(([key, { ready, refused }]): Held => {
      return { key, ready, refused, rows: rowsOf(key).filter((row) => isUnder(key, row)).length };
    });
    const totals = [...this.totals].map(
      ([
        key,
        {
          totals: { ready, refused, groups },
        },
      ]): Held => {
        return { key, ready, refused, groups: groups.size };
      },
    );
    const lists = [...this.lists].map(
      ([
        key,
        {
          list: { ready, refused, total },
        },
      ]): Held => {
        return { key, ready, refused, rows: total };
      },
    );
    return [...topics, ...totals, ...lists];
  }

  /** A connection begins. Rows that never came are not continued by a cursor: they are asked for after it. */
  begin(cursor: Cursor | undefined): void {
    this.#state = 'starting';
    const isAnew = !cursor || cursor.isPast;
    const continued = (asked: Asked): boolean => asked.isCurrent || isAnew === true;
    const topics = [...this.topics].filter(([, asked]) => continued(asked)).map(([key]) => key);
    this.#waiting = new Set([...this.topics.keys()].filter((key) => !topics.includes(key)));
    this.#line.subscribe({
      topics,
      totals: [...this.totals.keys()],
      lists: [...this.lists.keys()],
      ...(cursor ? { cursor } : {}),
    });
  }

  /** After a start that does not continue the cursor every topic's rows are on their way anew. */
  up({ isContinued }: { isContinued: boolean }): void {
    if (!isContinued) for (const asked of this.topics.values()) asked.isCurrent = false;
    this.#state = 'up';
    this.#askWaiting();
  }

  down(): void {
    this.#state = 'down';
  }

  /** Whether the rows here are those of the cursor, all that may be had. */
  get isWhole(): boolean {
    return [...this.topics.values()].every(({ isCurrent, refused }) => isCurrent || refused);
  }

  arrived(key: string): void {
    const asked = this.topics.get(key);
    if (asked) [asked.isCurrent, asked.ready, asked.refused] = [true, true, undefined];
  }

  /** True when it was a topic, whose rows must go. */
  refused(key: string, code: string): boolean {
    const held = this.totals.get(key);
    if (held) {
      held.totals.refused = code;
      held.totals.replace([]);
    }
    const list = this.lists.get(key)?.list;
    if (list) list.refused = code;
    const asked = this.topics.get(key);
    if (asked) [asked.isCurrent, asked.ready, asked.refused] = [false, false, code];
    return asked !== undefined;
  }

  #ask(key: string): void {
    if (this.#state === 'down') return;
    this.#waiting.add(key);
    if (this.#state === 'up' && this.#waiting.size === 1) queueMicrotask(() => this.#askWaiting());
  }

  #askWaiting(): void {
    const keys = [...this.#waiting];
    this.#waiting.clear();
    if (keys.length === 0 || this.#state !== 'up') return;
    for (let from = 0; from < keys.length; from += mostAsked) {
      const some = keys.slice(from, from + mostAsked);
      this.#line.subscribe({
        topics: some.filter((key) => this.topics.has(key)),
        totals: some.filter((key) => this.totals.has(key)),
        lists: some.filter((key) => this.lists.has(key)),
      });
    }
  }

  #forget<T>(from: Map<string, T>, key: string, what: T): boolean {
    if (from.get(key) !== what) return false;
    from.delete(key);
    if (this.#state === 'up') this.#line.unsubscribe([key]);
    return true;
  }
}

function once(run: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) run();
    isDone = true;
  };
}
