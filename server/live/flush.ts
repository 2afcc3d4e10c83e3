import type { Pool } from 'pg';

/**
 * The shared flush. While several changes are in flight they commit with synchronous_commit off, which
 * frees the organization's clock at once, and are acknowledged only after one common WAL flush.
 * Whatever reads the log for somebody must call `settled` between reading and sending: a row read
 * before the flush could still be lost with the database.
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

  /** Everything committed before this call is on disk when it resolves. */
  barrier(): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (!this.#running) void this.#run();
    return done;
  }

  /** Everything that this process may have read is on disk when it resolves. */
  async settled(): Promise<void> {
    if (this.#unflushed > 0) await this.barrier();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        await this.#pool.query("select pg_logical_emit_message(true, 'flush', '')");
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error);
      }
    }
    this.#running = false;
  }
}
