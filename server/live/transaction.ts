import { Kysely, CamelCasePlugin, PostgresDialect, type Transaction } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { isStalePlan } from '#db/prepared.ts';
import type { DB } from '#db/types.ts';

/** The type that says: this runs inside a transaction with an organization set. */
export type Tx = Transaction<DB>;

/** What one transaction acts for. Everything ends with the transaction. */
export interface Scope {
  organizationId: string;
  /** Member id, or the name of a worker. */
  actor?: string;
  mutationId?: string;
  runId?: string;
}

/** What a transaction begins with: two statements that are sent together. */
export interface Opening {
  begin: string;
  settings: string[];
}

/** Role, organization, actor and ids, all for this transaction only. */
export const opening = (
  { organizationId, actor = '', mutationId = '', runId = '' }: Scope,
  { asyncCommit = false, readOnly = false, isSnapshot = false } = {},
): Opening => ({
  begin: `begin${isSnapshot ? ' isolation level repeatable read' : ''}${readOnly ? ' read only' : ''}`,
  settings: [organizationId, actor, mutationId, runId, ...(asyncCommit ? ['off'] : [])],
});

const names = [
  'app.organization_id',
  'app.actor',
  'app.mutation_id',
  'app.run_id',
  'synchronous_commit',
];
const role = `set_config('role', 'syncline_app', true)`;
const setting = (count: number): string =>
  `select ${[role, ...names.slice(0, count).map((name, at) => `set_config('${name}', $${at + 1}, true)`)].join(', ')}`;
const settingTexts = names.map((_, at) => setting(at + 1));

/** Begins a transaction on a connection; what is asked behind it need not wait for the answer. */
export const open = (client: PoolClient, { begin, settings }: Opening): Promise<unknown> =>
  Promise.all([
    client.query(begin, []),
    client.query(settingTexts[settings.length - 1] ?? '', settings),
  ]);

const builders = new WeakMap<PoolClient, Tx>();

/** Kysely on one connection whose transaction is ours to begin and end. */
export function builderOn(client: PoolClient): Tx {
  let builder = builders.get(client);
  if (!builder) {
    // Bound to the client: pg keeps the state of its protocol on the object that `query` is called on.
    const connection = {
      query: client.query.bind(client),
      release: () => undefined,
    } as unknown as PoolClient;
    const dialect = new PostgresDialect({
      pool: {
        options: {},
        connect: () => Promise.resolve(connection),
        end: () => Promise.resolve(),
      },
    });
    const plugins = [new CamelCasePlugin({ maintainNestedObjectKeys: true })];
    // Not a Kysely transaction object, but all that the type promises: queries inside a transaction.
    builder = new Kysely<DB>({ dialect, plugins }) as unknown as Tx;
    builders.set(client, builder);
  }
  return builder;
}

/** Sends the opening of a transaction and, not waiting for its answer, what `run` asks first. */
export async function afterOpening<T>(
  client: PoolClient,
  beginning: Opening,
  run: (tx: Tx, client: PoolClient) => Promise<T>,
): Promise<T> {
  const opened = open(client, beginning);
  // Awaited below; where it fails, the queries that were sent behind it fail as well.
  opened.catch(() => undefined);
  const result = await run(builderOn(client), client);
  await opened;
  return result;
}

type Run<T> = (tx: Tx, client: PoolClient) => Promise<T>;

/** Writes inside one organization, all of it or nothing. */
export const write = <T>(
  pool: Pool,
  { asyncCommit = false, ...scope }: Scope & { asyncCommit?: boolean },
  run: Run<T>,
): Promise<T> => runOnce(pool, opening(scope, { asyncCommit }), run);

/** Reads inside one organization; sees the rows of no other. A snapshot is one moment for all its queries. */
export async function read<T>(
  pool: Pool,
  scope: Scope,
  run: Run<T>,
  { isSnapshot = false } = {},
): Promise<T> {
  const beginning = opening(scope, { readOnly: true, isSnapshot });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(pool, beginning, run);
    } catch (error) {
      if (attempt > 3 || !isStalePlan(error)) throw error;
    }
  }
}

const runOnce = <T>(pool: Pool, beginning: Opening, run: Run<T>): Promise<T> =>
  onConnection(pool, async (client) => {
    const result = await afterOpening(client, beginning, run);
    await client.query('commit', []);
    return result;
  });

/** A connection for a transaction that `run` begins and commits; where it fails, nothing is done. */
export async function onConnection<T>(
  pool: Pool,
  run: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    return await run(client);
  } catch (error) {
    broken = await rollback(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Answers the error of a connection that cannot be used again. */
async function rollback(client: PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
