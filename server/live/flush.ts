import type { Pool } from 'pg';

/**
 * Postgres itself says whether anything waits for the disk, so a quiet database is only asked, and it
 * does not matter which process wrote. With a synchronous standby, on disk here is not enough.
 */
const flushed = `select case
  when pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()
    or current_setting('synchronous_standby_names') <> ''
  then pg_logical_emit_message(true, 'flush', '') end`;

/**
 * The shared flush. While several changes are in flight they commit with synchronous_commit off, which
 * frees the organization's clock at once, and are acknowledged only after one common WAL flush.
 * Whatever reads rows for somebody must wait for `barrier` between reading and sending: a row that this
 * or another process has just committed could still be lost with the database.
 */
export class Flush {
  readonly #pool: Pool;
  #inFlight = 0;
  #unflushed = 0;
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #running = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Says whether the change that begins now shares a flush; `leave` ends it. */
  enter(): boolean {
    const shared = this.#inFlight > 0;
    this.#inFlight += 1;
    if (shared) this.#unflushed += 1;
    return shared;
  }

  leave(shared: boolean): void {
    this.#inFlight -= 1;
    if (shared) this.#unflushed -= 1;
  }

  /** Everything committed before this call, by whomever, is on disk when it resolves. */
  barrier(): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (!this.#running) void this.#run();
    return done;
  }

  /**
   * Enough after a commit of one's own that wrote something: where it was not shared it has flushed
   * whatever it saw, another process's as well.
   */
  async settled(): Promise<void> {
    if (this.#unflushed > 0) await this.barrier();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        await this.#pool.query(flushed, []);
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error);
      }
    }
    this.#running = false;
  }
}
