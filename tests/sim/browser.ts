import type { Actor } from './clock.ts';
import { here } from './here.ts';

interface ObjectStore {
  keyPath: string[];
  rows: Map<string, Record<string, unknown>>;
}

type Granted = (lock: object | null) => Promise<void> | undefined;
interface Asking {
  tab: Actor;
  grant(isFree: boolean): void;
}

/** One person's browser: its disk outlives the tabs, its locks go to the next when a tab is gone. */
export class Browser {
  readonly #disk = new Map<string, Map<string, ObjectStore>>();
  readonly #locks = new Map<string, Asking[]>();
  readonly #listeners: { tab: Actor; name: string; run: () => void }[] = [];
  readonly channels = new Set<Channel>();
  #diskFreeAt = 0;
  isOnline = true;

  readonly navigator = Object.defineProperties(
    {
      locks: {
        request: (name: string, options: { ifAvailable?: true }, run: Granted): Promise<void> =>
          new Promise((resolve) => this.#ask(name, options, (lock) => resolve(run(lock)))),
      },
    },
    { onLine: { get: () => this.isOnline } },
  );

  #ask(name: string, { ifAvailable }: { ifAvailable?: true }, run: (lock: object | null) => void) {
    const tab = here.clock.current;
    const queue = this.#locks.get(name) ?? [];
    this.#locks.set(name, queue);
    const grant = (isFree: boolean): void =>
      void here.clock.after(here.chance.between(0, 3), () => run(isFree ? {} : null), tab);
    if (ifAvailable && queue.length > 0) return grant(false);
    queue.push({ tab, grant });
    if (queue.length === 1) grant(true);
  }

  /** A tab is gone: its locks and channels are free. */
  release(tab: Actor): void {
    for (const [name, queue] of this.#locks) {
      const left = queue.filter((one) => one.tab !== tab);
      this.#locks.set(name, left);
      if (left[0] !== queue[0]) left[0]?.grant(true);
    }
    for (const channel of this.channels) if (channel.tab === tab) this.channels.delete(channel);
  }

  /** How long the next access of the disk takes, behind those that wait already. */
  diskDelay(): number {
    this.#diskFreeAt = Math.max(this.#diskFreeAt, here.clock.now) + here.chance.between(0.2, 8);
    return this.#diskFreeAt - here.clock.now;
  }

  storesOf(name: string): Map<string, ObjectStore> {
    let stores = this.#disk.get(name);
    if (!stores) this.#disk.set(name, (stores = new Map()));
    return stores;
  }

  /** All rows of the stores of one name. */
  kept(store: string): Record<string, unknown>[] {
    return [...this.#disk.values()].flatMap((stores) => [
      ...(stores.get(store)?.rows.values() ?? []),
    ]);
  }

  listen(name: string, run: () => void): void {
    this.#listeners.push({ tab: here.clock.current, name, run });
  }

  /** The machine loses its network, or finds it again. */
  setOnline(isOnline: boolean): void {
    this.isOnline = isOnline;
    for (const { tab, name, run } of this.#listeners)
      if (name === (isOnline ? 'online' : 'offline')) here.clock.after(0, run, tab);
  }
}

/** Between the tabs of one browser. */
export class Channel {
  readonly tab = here.clock.current;
  readonly #name: string;
  onmessage: ((event: { data: unknown }) => void) | undefined;

  constructor(name: string) {
    this.#name = name;
    here.browserOf?.()?.channels.add(this);
  }

  postMessage(data: unknown): void {
    for (const other of here.browserOf?.()?.channels ?? []) {
      if (other === this || other.#name !== this.#name) continue;
      const hear = (): void => other.onmessage?.({ data: structuredClone(data) });
      here.clock.after(here.chance.between(0.1, 4), hear, other.tab);
    }
  }

  close(): void {
    here.browserOf?.()?.channels.delete(this);
  }
}
