import { sql } from 'kysely';
import type { Logger } from 'pino';
import { commit } from './commit.ts';
import type { LiveServer } from './server.ts';

/** Nobody's organization, in which the row is. */
export const nobody = '00000000-0000-0000-0000-00000000ca11';
const beatEvery = 5_000;

/**
 * Changes a row every few seconds and looks whether it has come out at the other end of the log. It
 * tells nobody of its commit: what is proved is the poll, on which everything else stands.
 */
export class Canary {
  readonly #live: LiveServer;
  readonly #log: Logger;
  readonly #every: number;
  #awaited = 0;
  /** When the last change that was waited for had come through. */
  #livedAt = performance.now();
  #isSilent = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(live: LiveServer, { log, every = beatEvery }: { log: Logger; every?: number }) {
    this.#live = live;
    this.#log = log;
    this.#every = every;
  }

  start(): void {
    void this.#next();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Whether changes come through; one may be late. */
  get isAlive(): boolean {
    return performance.now() - this.#livedAt <= 2 * this.#every;
  }

  async #next(): Promise<void> {
    try {
      const hub = await this.#live.hub(nobody);
      const isThrough = hub.position >= this.#awaited;
      const position = await this.#change();
      // One that is still under way is what counts: it comes through with any that follows it.
      if (!isThrough) return this.#say('a change of the canary has not come through yet');
      [this.#awaited, this.#livedAt, this.#isSilent] = [position, performance.now(), false];
    } catch (error) {
      this.#say('the canary could not change its row', error);
    } finally {
      if (!this.#isStopped) this.#timer = setTimeout(() => void this.#next(), this.#every);
    }
  }

  async #change(): Promise<number> {
    const { pool, flush } = this.#live;
    const untold = { pool, flush, poke: () => undefined };
    const scope = { organizationId: nobody, actor: 'canary' };
    const { position } = await commit(untold, scope, (tx) =>
      tx
        .insertInto('sync.canaries')
        .values({ id: nobody, organizationId: nobody })
        .onConflict((row) =>
          row.columns(['organizationId', 'id']).doUpdateSet({ beat: sql`canaries.beat + 1` }),
        )
        .execute(),
    );
    return position;
  }

  /** Once an outage. */
  #say(what: string, error?: unknown): void {
    if (!this.#isSilent && !this.#isStopped) this.#log.warn({ err: error }, what);
    this.#isSilent = true;
  }
}
