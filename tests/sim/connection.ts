import type { Actor } from './clock.ts';
import { here } from './here.ts';
import { same, SqlError, Transaction, type Answer, type Postgres } from './postgres.ts';

/** Asks the database something over the wire; whoever is gone by then hears nothing. */
export function ask<T>(postgres: Postgres, run: () => T | Promise<T>): Promise<T> {
  const asking = here.clock.current;
  const generation = postgres.generation;
  return new Promise((resolve, reject) => {
    const answer = (say: () => void): void => void here.clock.after(delay(), say, asking);
    const arrive = async (): Promise<void> => {
      try {
        if (!postgres.isUp || postgres.generation !== generation) throw away();
        const found = await run();
        answer(() => (postgres.generation === generation ? resolve(found) : reject(away())));
      } catch (error) {
        answer(() => reject(errorOf(error)));
      }
    };
    here.clock.after(delay(), () => void arrive(), postgres.actor);
  });
}

const errorOf = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

const away = (): Error => new Error('Connection terminated unexpectedly');
const delay = (): number => here.chance.between(0.1, here.chance.chance(0.05) ? 40 : 2);

type Statement = string | { text: string; values?: unknown[] };
interface Result {
  rows: unknown[];
  rowCount: number;
  command: string;
}

/**
 * One connection of a pool, as far as the engine's commits and its flush use it: statements are carried
 * out in the order in which they were sent, and answered in that order.
 */
class Connection {
  readonly #postgres: Postgres;
  readonly #client = here.clock.current;
  readonly #generation: number;
  #transaction: Transaction | undefined;
  #hasFailed = false;
  #arrivesAt = 0;
  #order: Promise<unknown> = Promise.resolve();
  readonly #open = new Set<(error: Error) => void>();

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
    this.#generation = postgres.generation;
    connections.add(this);
  }

  readonly query = (statement: Statement, values: unknown[] = []): Promise<Result> => {
    const text = typeof statement === 'string' ? statement : statement.text;
    const parameters = typeof statement === 'string' ? values : (statement.values ?? values);
    // Answered together with what it is for, which is said right behind it.
    if (text.startsWith('begin'))
      return Promise.resolve({ rows: [], rowCount: 0, command: 'BEGIN' });
    this.#arrivesAt = Math.max(this.#arrivesAt, here.clock.now + delay());
    return new Promise((resolve, reject) => {
      this.#open.add(reject);
      const answer = (say: () => void): void => {
        this.#open.delete(reject);
        here.clock.after(delay(), say, this.#client);
      };
      const arrive = (): void => {
        this.#order = this.#order.then(async () => {
          try {
            const rows = await this.#execute(text, parameters);
            answer(() => resolve({ rows, rowCount: rows.length, command: 'SELECT' }));
          } catch (error) {
            this.#hasFailed = true;
            answer(() => reject(errorOf(error)));
          }
        });
      };
      here.clock.after(this.#arrivesAt - here.clock.now, arrive, this.#postgres.actor);
    });
  };

  release(): void {
    connections.delete(this);
  }

  /** The line is cut: what was asked is not answered, what was not committed is undone. */
  break(): void {
    connections.delete(this);
    if (this.#transaction) this.#postgres.end(this.#transaction);
    this.#transaction = undefined;
    for (const reject of this.#open) here.clock.after(delay(), () => reject(away()), this.#client);
  }

  belongsTo(client: Actor): boolean {
    return this.#client === client;
  }

  async #execute(text: string, values: unknown[]): Promise<unknown[]> {
    const postgres = this.#postgres;
    if (!postgres.isUp || postgres.generation !== this.#generation) throw away();
    if (text.includes('pg_logical_emit_message')) {
      await pause(here.chance.between(0.5, 6), postgres);
      postgres.flush();
      return [];
    }
    if (text === 'rollback') {
      if (this.#transaction) postgres.end(this.#transaction);
      [this.#transaction, this.#hasFailed] = [undefined, false];
      return [];
    }
    if (text.startsWith('select set_config')) {
      const [organizationId = '', actor, mutationId, , synchronousCommit] = values as string[];
      const scope = { organizationId, actor: actor || null, mutationId: mutationId || null };
      const isAsync = synchronousCommit === 'off';
      this.#transaction = new Transaction(postgres, scope, { isAsync });
      return [];
    }
    const transaction = this.#transaction;
    if (!transaction) throw new Error(`No transaction for: ${text}`);
    if (text === 'commit') return this.#commit(transaction);
    if (this.#hasFailed) throw new SqlError('25P02', 'current transaction is aborted');
    return this.#inside(transaction, text, values);
  }

  async #inside(transaction: Transaction, text: string, values: unknown[]): Promise<unknown[]> {
    const postgres = this.#postgres;
    if (text === 'model') {
      await (values[0] as (transaction: Transaction) => Promise<void>)(transaction);
      return [];
    }
    if (text.includes('sync.finish')) {
      const pos = await transaction.stamp();
      const [mutation, name, requestHash, answer] = values as (string | null)[];
      if (mutation) {
        const key = answerKey(postgres, transaction, this.#client, mutation);
        await postgres.lock(transaction, `answer ${key}`);
        if (postgres.answers.has(key)) throw new SqlError('23505', 'duplicate key mutations_pkey');
        const value: Answer = {
          answer: JSON.parse(answer ?? 'null') as unknown,
          pos,
          requestHash: requestHash ?? '',
          name: name ?? '',
        };
        transaction.answer = { key, value };
      }
      return [{ pos, epoch: postgres.epoch }];
    }
    if (text.includes('sync.refuse')) {
      const [mutation = '', name = '', requestHash = '', refusal = ''] = values as string[];
      const key = answerKey(postgres, transaction, this.#client, mutation);
      await postgres.lock(transaction, `answer ${key}`);
      const kept = !postgres.answers.has(key);
      const value = {
        answer: null,
        pos: 0,
        requestHash,
        name,
        refusal: JSON.parse(refusal) as object,
      };
      if (kept) transaction.answer = { key, value };
      return [{ kept }];
    }
    if (text.includes('from sync.change_tx t, sync.read_log')) {
      const { organizationId } = transaction.scope;
      return logRows(transaction.asCommit(), organizationId).slice(0, 51);
    }
    if (text.includes('from sync.mutations')) {
      const key = answerKey(postgres, transaction, this.#client, String(values[1]));
      const stored = postgres.answers.get(key);
      return stored ? [{ ...stored, epoch: postgres.epoch }] : [];
    }
    throw new Error(`The model does not know: ${text}`);
  }

  async #commit(transaction: Transaction): Promise<unknown[]> {
    const postgres = this.#postgres;
    this.#transaction = undefined;
    if (this.#hasFailed) {
      this.#hasFailed = false;
      postgres.end(transaction);
      return [];
    }
    await commitNow(postgres, transaction);
    return [];
  }
}

/** Of one run; the last one's are gone with it. */
const connections = new Set<Connection>();

const answerKey = (
  postgres: Postgres,
  { scope }: Transaction,
  client: Actor,
  mutation: string,
): string => {
  const own = postgres.mistakes.answersInMemory ? client.name : '';
  return [own, scope.organizationId, scope.actor ?? '', mutation].join(' ');
};

/** Waits in the database; what it was doing ends when it crashes. */
const pause = (delay: number, postgres: Postgres): Promise<void> => {
  const generation = postgres.generation;
  return new Promise((resolve, reject) => {
    const go = (): void => (postgres.generation === generation ? resolve() : reject(away()));
    here.clock.after(delay, go, postgres.actor);
  });
};

/** Commits: with a flush under the locks, or without and on disk some time later. */
export async function commitNow(postgres: Postgres, transaction: Transaction): Promise<void> {
  await transaction.stamp();
  const commit = transaction.asCommit();
  const changes = commit.writes.length > 0 || commit.answer !== undefined;
  if (!transaction.isAsync && changes) await pause(here.chance.between(0.5, 6), postgres);
  if (changes) postgres.commit(commit);
  const { generation } = postgres;
  const written = postgres.commits.length;
  if (!transaction.isAsync) postgres.flush();
  else
    here.clock.after(
      here.chance.between(20, 600),
      () => {
        if (postgres.generation === generation) postgres.flush(written);
      },
      postgres.actor,
    );
  postgres.end(transaction);
}

/** What a transaction says in the log, as sync.read_log tells it. */
export function logRows(
  { at, actor, positions, writes }: ReturnType<Transaction['asCommit']>,
  organizationId: string,
) {
  const pos = positions.get(organizationId);
  if (pos === undefined) return [];
  return writes
    .filter((write) => write.organizationId === organizationId)
    .map(({ entity, id, op, rev, before, after }) => ({
      pos,
      at: new Date(at),
      actor,
      entity,
      id,
      op,
      rev,
      before: op === 'U' && before && after ? changedOf(before, after) : (before ?? null),
      after: after ?? null,
    }));
}

const changedOf = (before: Record<string, unknown>, after: Record<string, unknown>) =>
  Object.fromEntries(
    Object.keys({ ...before, ...after })
      .map((name) => [name, before[name] ?? null] as const)
      .filter(([name, value]) => name !== 'rev' && !same(value, after[name] ?? null)),
  );

/** As pg's pool. */
export class Pool {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async connect(): Promise<Connection> {
    await ask(this.#postgres, () => undefined);
    return new Connection(this.#postgres);
  }

  query(text: string): Promise<Result> {
    return new Connection(this.#postgres).query(text);
  }
}

/** The database or a client is gone: its connections end, after what was sent has arrived. */
export function breakConnections(whose: Actor | undefined): void {
  for (const connection of connections)
    if (!whose || connection.belongsTo(whose)) connection.break();
}

export const forgetConnections = (): void => connections.clear();
