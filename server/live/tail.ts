import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Flush } from './flush.ts';
import type { Hub } from './hub.ts';
import { readTransactions, type LogRow } from './log.ts';
import { advance } from './path.ts';
import type { Moved, Source } from './source.ts';

const pollEvery = 50;
/** What comes closer together than the pictures on a screen goes out together, in milliseconds… */
const gather = 16;
/** …where much comes: what comes seldom may fall together with something else, and waits for nothing. */
const ahead = 4;
/** To send to one socket takes about so long here and there: with many of them more is gathered. */
const sending = 0.016;
/** Transactions read at once. */
const batch = 500;
/** Rows of one transaction that may come with the word of its commit. */
export const mostHandedOver = 50;
/** A transaction of more rows is not walked through: those who watch it load their topics anew. */
export const largeTransaction = 20_000;

interface Options {
  source: Source;
  flush: Flush;
  log: Logger;
  hubs: ReadonlyMap<string, Hub>;
  /** The hub has skipped to a newer position; its watchers must be given their rows anew. */
  onSkip(hub: Hub): void;
  /** The hub has taken in new transactions. */
  onAdvance(hub: Hub): void;
}

/** Somebody who waits for a position, and not for all that comes after it. */
interface Waiting {
  position: number;
  arrive(): void;
  fail(error: unknown): void;
}

/**
 * Follows the change log of the organizations that have a hub. A poke after a commit makes it look at
 * once; a poll is the floor that also finds what psql, a worker or another node wrote.
 */
export class Tail {
  readonly #options: Options;
  /** The hubs that are read just now, and for whom. */
  readonly #reading = new Map<Hub, Waiting[]>();
  readonly #wanted = new WeakMap<Hub, number>();
  /** When a hub may be read again, on performance.now(). */
  readonly #due = new WeakMap<Hub, number>();
  #snapshot: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #isBroken = false;
  /** When the last poll came through, in milliseconds of performance.now(). */
  lastPoll = performance.now();

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    void this.#poll();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /**
   * Takes a hub to a position of its log, which must be on disk: rows are sent as soon as they are
   * read. Calls made meanwhile share one more reading.
   */
  read(hub: Hub, position: number): Promise<void> {
    this.#wanted.set(hub, Math.max(position, this.#wanted.get(hub) ?? 0));
    if (hub.position >= position) return Promise.resolve();
    return new Promise((arrive, fail) => {
      const one = { position, arrive, fail };
      const waiting = this.#reading.get(hub);
      if (waiting) waiting.push(one);
      else this.#begin(hub, one);
    });
  }

  #begin(hub: Hub, first: Waiting, unreadable?: Error): void {
    const waiting = [first];
    this.#reading.set(hub, waiting);
    this.#readAll(hub, unreadable).then(
      () => waiting.forEach(({ arrive }) => arrive()),
      (error: unknown) => waiting.forEach(({ fail }) => fail(error)),
    );
  }

  /** Where changes come without a pause a reading has no end; who has what he waited for goes on. */
  #letGo(hub: Hub): void {
    const waiting = this.#reading.get(hub)?.splice(0) ?? [];
    for (const one of waiting) {
      if (one.position <= hub.position) one.arrive();
      else this.#reading.get(hub)?.push(one);
    }
  }

  /** The same, where the rows at that position are known: they are not read when they come next. */
  async take(hub: Hub, position: number, rows: LogRow[]): Promise<void> {
    const isNext = hub.position === position - 1 && !this.#reading.has(hub);
    const isWhole = rows.length > 0 && rows.length <= mostHandedOver;
    if (!isNext || !isWhole || this.#early(hub) > 0) return this.read(hub, position);
    this.#paced(hub);
    const unreadable = this.#advance(hub, rows);
    if (!unreadable) return;
    this.#wanted.set(hub, Math.max(position, this.#wanted.get(hub) ?? 0));
    await new Promise<void>((arrive, fail) =>
      this.#begin(hub, { position, arrive, fail }, unreadable),
    );
  }

  /** How many transactions a hub is behind what is known to be in the log. */
  lag(hub: Hub): number {
    return Math.max(0, (this.#wanted.get(hub) ?? 0) - hub.position);
  }

  async #readAll(hub: Hub, unreadable?: Error): Promise<void> {
    try {
      if (unreadable) await this.#passBy(hub, unreadable);
      for (;;) {
        if (this.lag(hub) === 0) return;
        await this.#pace(hub);
        // Only now: what came meanwhile goes along.
        const position = this.#wanted.get(hub) ?? 0;
        const rows = await this.#options.source.log(hub.organizationId, hub.position, {
          transactions: Math.min(batch, position - hub.position),
          rows: largeTransaction + 1,
        });
        if (rows.length > largeTransaction) {
          hub.skipTo(position);
          this.#options.onSkip(hub);
          this.#letGo(hub);
          continue;
        }
        const wrong =
          rows.length > 0
            ? this.#advance(hub, rows)
            : new Error(`The log has nothing after ${hub.position}`);
        if (wrong) await this.#passBy(hub, wrong);
      }
    } finally {
      this.#reading.delete(hub);
    }
  }

  /** Answers what is wrong with rows that cannot be taken in; the hub may have taken in a part of them. */
  #advance(hub: Hub, rows: LogRow[]): Error | undefined {
    try {
      advance(hub, readTransactions(rows));
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
    this.#options.onAdvance(hub);
    this.#letGo(hub);
    return undefined;
  }

  /**
   * A hole in the log, or a row that no code expects, must not end the day of everybody: those who watch
   * this organization load their topics anew, from the tables themselves.
   */
  async #passBy(hub: Hub, err: Error): Promise<void> {
    const { organizationId } = hub;
    const from = hub.position;
    const wanted = this.#wanted.get(hub);
    const head = await this.#options.source.head(organizationId);
    await this.#options.flush.barrier();
    this.#options.log.error({ err, organizationId, from, to: head }, 'the log cannot be read here');
    // What was wanted may not be there at all; what is wanted since then is.
    if (this.#wanted.get(hub) === wanted) this.#wanted.set(hub, head);
    hub.skipTo(head);
    this.#options.onSkip(hub);
    this.#letGo(hub);
  }

  async #pace(hub: Hub): Promise<void> {
    const early = this.#early(hub);
    if (early > 0) await sleep(early);
    this.#paced(hub);
  }

  #early(hub: Hub): number {
    return (this.#due.get(hub) ?? 0) - performance.now();
  }

  #paced(hub: Hub): void {
    const due = this.#due.get(hub) ?? 0;
    const pace = gather + hub.size * sending;
    this.#due.set(hub, Math.max(due, performance.now() - ahead * pace) + pace);
  }

  async #poll(): Promise<void> {
    try {
      const { now, moved } = await this.#options.source.moved(this.#snapshot);
      // A database that crashed gives the transaction ids anew that it lost, and those moved already.
      const wasBroken = this.#isBroken;
      this.#isBroken = false;
      const seen = wasBroken ? await this.#heads() : moved;
      const behind = seen.flatMap(({ organizationId, position }) => {
        const hub = this.#options.hubs.get(organizationId);
        return hub && hub.position < position ? [{ hub, position }] : [];
      });
      // Another node may have committed these without waiting for the disk.
      if (behind.length > 0) await this.#options.flush.barrier();
      this.#snapshot = now;
      this.lastPoll = performance.now();
      // Nobody waits for what another organization has to read; what fails is looked for at the next poll.
      for (const { hub, position } of behind)
        this.read(hub, position).catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#poll(), pollEvery);
  }

  #fail(error: unknown): void {
    // Said once an outage: the log is asked for twenty times a second.
    if (!this.#stopped && !this.#isBroken)
      this.#options.log.warn({ err: error }, 'the log could not be polled');
    this.#isBroken = true;
  }

  #heads(): Promise<Moved[]> {
    const ids = [...this.#options.hubs.keys()];
    const { source } = this.#options;
    return Promise.all(
      ids.map(async (organizationId) => ({
        organizationId,
        position: await source.head(organizationId),
      })),
    );
  }
}
