import type { Writable } from 'node:stream';
import pg from 'pg';
import {
  type Answered,
  type Batch,
  type Described,
  type Line,
  Statement,
  type Wire,
} from '#db/statement.ts';

// Texts that come with values are asked again and again; but lists of many lengths make texts without end.
const longestText = 4_000;
const mostNames = 400;
const names = new Map<string, string>();

/**
 * A connection that prepares each statement once and then only runs it, and that sends statements
 * without waiting for the answers of those before: a statement after one that failed in the same
 * transaction fails too. It gives itself up when it has waited for an answer as long as its patience.
 */
export class PreparingClient extends pg.Client {
  #generation = 0;
  #unanswered = 0;
  #batch: Batch | undefined;
  /** Whether a transaction was begun, and not ended, by what was asked so far. */
  #isInside = false;
  readonly #place = {
    line: this as unknown as Line,
    described: new Map() as Described,
    join: (statement: Statement): Batch => this.#join(statement),
  };
  /** When the last answer came, or what is waited for was asked; on performance.now(). */
  #heardAt = 0;

  constructor({ patience, ...config }: pg.ClientConfig & { patience?: number } = {}) {
    const pipelined: pg.ClientConfig & { pipeline: boolean } = { ...config, pipeline: true };
    super(pipelined);
    const ask = this.query.bind(this) as (...asked: unknown[]) => unknown;
    const query = (text: unknown, values?: unknown, callback?: Answered): unknown => {
      if (typeof values === 'function' || isSubmittable(text)) {
        this.#endBatch();
        return ask(text, values, callback);
      }
      this.#sendTogether();
      const send = (answered: Answered): void => {
        if (this.#unanswered === 0) this.#heardAt = performance.now();
        this.#unanswered += 1;
        this.#send(ask, text, values as unknown[] | undefined, (error, result) => {
          this.#unanswered -= 1;
          this.#heardAt = performance.now();
          this.#notice(error);
          answered(error, result);
        });
      };
      return callback ? send(callback) : promised(send);
    };
    this.query = query as typeof this.query;
    if (patience) this.#lose(patience);
  }

  #send(
    ask: (...asked: unknown[]) => unknown,
    text: unknown,
    values: unknown[] | undefined,
    answered: Answered,
  ): void {
    if (typeof text !== 'string') {
      this.#endBatch();
      ask(text, values, answered);
      return;
    }
    const named = Array.isArray(values) ? nameOf(text) : undefined;
    // A rollback is done whatever stands before it: that must not take it along.
    if (/^rollback\b/i.test(text)) this.#endBatch();
    if (named === undefined || values === undefined) {
      this.#endBatch();
      this.#isInside = false;
      ask(text, values, answered);
      return;
    }
    const begins = /^begin\b/i.test(text);
    if (begins) this.#isInside = true;
    if (/^(commit|rollback)\b(?! to\b)/i.test(text)) this.#isInside = false;
    const noticed: Answered = (error, result) => {
      if (error) this.#isInside = false;
      answered(error, result);
    };
    const name = `${named}_${this.#generation}`;
    ask(new Statement({ name, text, values }, this.#place, begins ? noticed : answered));
  }

  readonly #join = (statement: Statement): Batch => {
    const batch = (this.#batch ??= []);
    batch.push(statement);
    if (!this.#isInside) this.#endBatch();
    return batch;
  };

  #endBatch(): void {
    if (!this.#batch) return;
    this.#batch = undefined;
    (this as unknown as { connection: Wire }).connection.sync();
  }

  // One clock for a connection: the one that `pg` has for each query costs what `promised` tells.
  #lose(patience: number): void {
    const clock = setInterval(() => {
      if (this.#unanswered === 0 || performance.now() - this.#heardAt < patience) return;
      this.#stream.destroy(new Error('Connection terminated: the database does not answer'));
    }, patience / 8).unref();
    this.once('end', () => clearInterval(clock));
  }

  get #stream(): Writable {
    return (this as unknown as { connection: { stream: Writable } }).connection.stream;
  }

  /** What is asked in one turn goes out in one packet. */
  #sendTogether(): void {
    const stream = this.#stream;
    stream.cork();
    process.nextTick(() => {
      this.#endBatch();
      stream.uncork();
    });
  }

  #notice(error: unknown): void {
    if (isStalePlan(error)) this.#generation += 1;
  }
}

/** What has its own way to be sent. */
const isSubmittable = (asked: unknown): boolean =>
  typeof asked === 'object' && asked !== null && 'submit' in asked;

/**
 * A promise of our own: what the one of `pg` has answered stays reachable until the next full garbage
 * collection, which makes the many small ones ten times as long (tests/bench, 2026-11).
 */
function promised(send: (answered: Answered) => void): Promise<unknown> {
  const answer = new Promise<unknown>((resolve, reject) => {
    send((error, result) => (error ? reject(error) : resolve(result)));
  });
  return answer.catch((error: Error) => {
    // Leads to who asked, and not to the line from which the answer came.
    Error.captureStackTrace(error);
    throw error;
  });
}

/**
 * The columns of a table changed under a prepared `select *`, as a migration of a newer version does.
 * The connection prepares anew from then on: whoever tries again succeeds.
 */
export const isStalePlan = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === '0A000' &&
  error.message.startsWith('cached plan');

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known || names.size >= mostNames || text.length > longestText) return known;
  const name = `s${names.size}`;
  names.set(text, name);
  return name;
}
