import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Flush } from './flush.ts';
import type { Hub } from './hub.ts';
import { readTransactions, type LogRow } from './log.ts';

const pollEvery = 50;
/** Transactions read at once. */
const batch = 500;
/** A transaction of more rows is not walked through: those who watch it load their topics anew. */
export const largeTransaction = 20_000;

interface Options {
  pool: Pool;
  flush: Flush;
  log: Logger;
  hubs: ReadonlyMap<string, Hub>;
  /** The hub has skipped to a newer position; its watchers must be given their rows anew. */
  onSkip(hub: Hub): void;
  /** The hub has taken in new transactions. */
  onAdvance(hub: Hub): void;
}

/**
 * Follows the change log of the organizations that have a hub. A poke after a commit makes it look at
 * once; a poll is the floor that also finds what psql, a worker or another node wrote.
 */
export class Tail {
  readonly #options: Options;
  readonly #reading = new Map<Hub, Promise<void>>();
  readonly #again = new Set<Hub>();
  #snapshot: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
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

  /** Reads what the log has for a hub; calls made meanwhile share one more reading. */
  read(hub: Hub): Promise<void> {
    const running = this.#reading.get(hub);
    if (running) {
      this.#again.add(hub);
      return running;
    }
    const reading = this.#readAll(hub).finally(() => this.#reading.delete(hub));
    this.#reading.set(hub, reading);
    return reading;
  }

  async #readAll(hub: Hub): Promise<void> {
    const { pool, flush } = this.#options;
    for (;;) {
      this.#again.delete(hub);
      const { rows } = await pool.query<LogRow & { large: boolean }>({
        name: 'read_log',
        text: `select l.* from sync.read_log($1, $2, $3) l limit ${largeTransaction + 1}`,
        values: [hub.organizationId, hub.position, batch],
      });
      await flush.settled();
      if (rows.length > largeTransaction) {
        await this.#skip(hub);
        continue;
      }
      const txs = readTransactions(rows);
      if (txs.length > 0) {
        hub.advance(txs);
        this.#options.onAdvance(hub);
      }
      if (txs.length < batch && !this.#again.has(hub)) return;
    }
  }

  async #skip(hub: Hub): Promise<void> {
    const { rows } = await this.#options.pool.query<{ head: number }>(
      'select sync.head($1) as head',
      [hub.organizationId],
    );
    hub.skipTo(Number(rows[0]?.head ?? hub.position));
    this.#options.onSkip(hub);
  }

  async #poll(): Promise<void> {
    try {
      const { rows } = await this.#options.pool.query<{ now: string; moved: string[] | null }>({
        name: 'moved',
        text: `select pg_current_snapshot()::text as now,
          (select array_agg(m.organization_id) from sync.moved($1::pg_snapshot) m) as moved`,
        values: [this.#snapshot ?? (await this.#firstSnapshot())],
      });
      this.#snapshot = rows[0]?.now;
      for (const organizationId of rows[0]?.moved ?? []) {
        const hub = this.#options.hubs.get(organizationId);
        if (hub) await this.read(hub);
      }
      this.lastPoll = performance.now();
    } catch (error) {
      if (!this.#stopped) this.#options.log.warn({ error }, 'the log could not be polled');
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#poll(), pollEvery);
  }

  async #firstSnapshot(): Promise<string> {
    const { rows } = await this.#options.pool.query<{ now: string }>(
      'select pg_current_snapshot()::text as now',
    );
    return rows[0]?.now ?? '1:1:';
  }
}
