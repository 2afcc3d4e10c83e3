import type { Writable } from 'node:stream';
import pg from 'pg';

// Texts that come with values are asked again and again; but lists of many lengths make texts without end.
const longestText = 4_000;
const mostNames = 400;
const names = new Map<string, string>();

/**
 * A connection that prepares each statement once and then only runs it, and that sends statements
 * without waiting for the answers of those before: a statement after one that failed in the same
 * transaction fails too.
 */
export class PreparingClient extends pg.Client {
  #generation = 0;

  constructor(config?: pg.ClientConfig) {
    const pipelined: pg.ClientConfig & { pipeline: boolean } = { ...config, pipeline: true };
    super(pipelined);
    const ask = this.query.bind(this) as (...asked: unknown[]) => unknown;
    const query = (text: unknown, values?: unknown, ...rest: unknown[]): unknown => {
      this.#sendTogether();
      const name = typeof text === 'string' && Array.isArray(values) ? nameOf(text) : undefined;
      if (!name) return ask(text, values, ...rest);
      const prepared = { name: `${name}_${this.#generation}`, text, values };
      const [callback] = rest as [((error: unknown, result: unknown) => void)?];
      if (callback) {
        return ask(prepared, (error: unknown, result: unknown) => {
          this.#notice(error);
          callback(error, result);
        });
      }
      const asked = ask(prepared) as Promise<unknown>;
      asked.catch((error: unknown) => this.#notice(error));
      return asked;
    };
    this.query = query as typeof this.query;
  }

  /** What is asked in one turn goes out in one packet. */
  #sendTogether(): void {
    const { stream } = (this as unknown as { connection: { stream: Writable } }).connection;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  #notice(error: unknown): void {
    if (isStalePlan(error)) this.#generation += 1;
  }
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
