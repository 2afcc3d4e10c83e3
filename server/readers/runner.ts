import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { nobody } from '../live/canary.ts';
import { BatchFailed, countFailure, readBatch } from './batch.ts';
import type { Reader } from './reader.ts';
import { readState } from './state.ts';
import { isTransient } from './transient.ts';

const pollEvery = 100;
/** What a poll has missed is found by comparing all cursors with all clocks. */
const compareEvery = 60_000;
const shortestWait = 100;
/** A reader rests so many times as long as it took to go through all organizations that wait for it. */
const restsFor = 3;
const longestWait = 30_000;

interface Options {
  pool: Pool;
  readers: readonly Reader[];
  log: Pick<Logger, 'warn' | 'error'>;
  longestWait?: number;
}

/** An organization that a reader has to look at. */
interface Work {
  notBefore: number;
  failures: number;
  /** Something has moved since it was last read. */
  hasMoved: boolean;
  /** Up to here transactions are taken one by one: one of them has failed. */
  carefulTo: number;
}

/** Keeps readers current: each reads its organizations one after another, a batch of each in turn. */
export class Runner {
  readonly #options: Options;
  readonly #work = new Map<Reader, Map<string, Work>>();
  readonly #busy = new Map<Reader, Promise<void>>();
  /** Until when a reader rests in an organization. */
  readonly #rests = new Map<Reader, Map<string, number>>();
  /** How long a reader took to go through all that waited, in milliseconds. */
  readonly #rounds = new WeakMap<Reader, number>();
  #snapshot: string | undefined;
  #comparedAt = -Infinity;
  #polling: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isBroken = false;

  constructor(options: Options) {
    this.#options = options;
    for (const reader of options.readers) {
      this.#work.set(reader, new Map());
      this.#rests.set(reader, new Map());
    }
  }

  async start(): Promise<void> {
    const { pool, readers } = this.#options;
    for (const { name, from } of readers)
      await pool.query('select sync.start_reader($1, $2)', [name, from === 'now']);
    this.#next(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#polling;
    await Promise.all(this.#busy.values());
  }

  #next(wait: number): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll().finally(() => {
        if (!this.#isStopped) this.#next(pollEvery);
      });
    }, wait);
  }

  async #poll(): Promise<void> {
    try {
      await this.#look();
      this.#isBroken = false;
    } catch (err) {
      // Said once an outage. A database that crashed gives transaction ids anew: all is compared then.
      if (!this.#isBroken && !this.#isStopped)
        this.#options.log.warn({ err }, 'the log could not be looked at for its readers');
      [this.#isBroken, this.#snapshot, this.#comparedAt] = [true, undefined, -Infinity];
    }
    for (const reader of this.#options.readers) this.#wake(reader);
  }

  async #look(): Promise<void> {
    const { pool, readers } = this.#options;
    const isDue = performance.now() - this.#comparedAt > compareEvery;
    const { rows } = await pool.query<{ now: string; moved: string[] | null }>(
      `select pg_current_snapshot()::text as now,
        (select json_agg(m.organization_id) from sync.moved($1::pg_snapshot) m) as moved`,
      [this.#snapshot ?? null],
    );
    for (const organizationId of rows[0]?.moved ?? [])
      for (const reader of readers) this.#add(reader, organizationId);
    this.#snapshot = rows[0]?.now;
    if (!isDue) return;
    for (const { reader, organizationId, pos, head } of await readState(pool, readers))
      if (pos < head) this.#add(reader, organizationId);
    this.#comparedAt = performance.now();
  }

  #add(reader: Reader, organizationId: string): void {
    const work = this.#work.get(reader);
    if (organizationId === nobody || !work) return;
    const known = work.get(organizationId);
    if (known) known.hasMoved = true;
    else {
      const notBefore = this.#rests.get(reader)?.get(organizationId) ?? 0;
      work.set(organizationId, { notBefore, failures: 0, hasMoved: false, carefulTo: 0 });
    }
  }

  #wake(reader: Reader): void {
    if (this.#busy.has(reader) || this.#isStopped) return;
    const running = this.#readAll(reader).finally(() => this.#busy.delete(reader));
    this.#busy.set(reader, running);
  }

  /** Until nothing is left that may be read now; what has moved meanwhile is found by the next poll. */
  async #readAll(reader: Reader): Promise<void> {
    const work = this.#work.get(reader) ?? new Map<string, Work>();
    for (;;) {
      const due = [...work].filter(([, { notBefore }]) => notBefore <= performance.now());
      if (due.length === 0) return;
      const began = performance.now();
      for (const [organizationId, one] of due) {
        if (this.#isStopped) return;
        const isDone = await this.#read(reader, organizationId, one);
        if (isDone) work.delete(organizationId);
      }
      this.#rounds.set(reader, performance.now() - began);
    }
  }

  async #read(reader: Reader, organizationId: string, work: Work): Promise<boolean> {
    const { pool, longestWait: longest = longestWait } = this.#options;
    const isCareful = work.carefulTo > 0;
    work.hasMoved = false;
    try {
      const { state, position, transactions } = await readBatch(pool, {
        reader,
        organizationId,
        ...(isCareful && { most: 1 }),
      });
      // Another node is at it; should it die, this one goes on.
      if (state === 'taken') work.notBefore = performance.now() + shortestWait;
      else work.failures = 0;
      if (isCareful && position >= work.carefulTo) work.carefulTo = 0;
      if (state === 'done' && transactions > 0 && reader.rest) {
        const rest = Math.max(reader.rest, (this.#rounds.get(reader) ?? 0) * restsFor);
        // A round in which the process or the database stood still must not make all wait for hours.
        work.notBefore = performance.now() + Math.min(rest, longest);
        this.#rests.get(reader)?.set(organizationId, work.notBefore);
      }
      return state === 'done' && !work.hasMoved;
    } catch (error) {
      await this.#fail({ reader, organizationId }, work, error);
      return false;
    }
  }

  async #fail(
    place: { reader: Reader; organizationId: string },
    work: Work,
    error: unknown,
  ): Promise<void> {
    const { pool, log, longestWait: longest = longestWait } = this.#options;
    work.failures += 1;
    const wait = Math.min(longest, shortestWait * 2 ** Math.min(work.failures, 12));
    work.notBefore = performance.now() + wait;
    const about = { reader: place.reader.name, organizationId: place.organizationId };
    if (!(error instanceof BatchFailed) || isTransient(error.cause)) {
      if (work.failures === 1) log.warn({ ...about, err: error }, 'a reader has to try again');
      return;
    }
    const { from, to, message } = error;
    log.warn({ ...about, from, to, err: error.cause }, 'a reader failed');
    if (from < to) {
      work.carefulTo = Math.max(work.carefulTo, to);
      work.notBefore = 0;
      return;
    }
    try {
      const done = await countFailure(pool, place, { position: from, error: message });
      if (done === 'counted') return;
      log.error({ ...about, position: from, err: error.cause }, 'a transaction was set aside');
      work.failures = 0;
      work.notBefore = 0;
    } catch (err) {
      log.warn({ ...about, err }, 'the failure of a reader could not be counted');
    }
  }
}
