import type { Pool, PoolClient } from 'pg';
import { isStalePlan } from '#db/prepared.ts';
import { AppError, type ErrorCode, type ErrorDetails } from '#lib/shared/errors.ts';
import type { Flush } from './flush.ts';
import type { LogRow } from './log.ts';
import { mostHandedOver } from './tail.ts';
import {
  afterOpening,
  onConnection,
  opening,
  read,
  type Scope,
  type Tx,
  write,
} from './transaction.ts';

/** What `commit` needs of the running server. */
export interface Committer {
  pool: Pool;
  flush: Flush;
  /**
   * An organization is on disk up to a position, whose rows in the log may be known: a hint to the
   * tail, never needed for correctness.
   */
  poke(organizationId: string, position: number, rows: LogRow[]): void;
}

/** What a change was begun on the strength of, looked at again in its own transaction. */
export interface Proof {
  /** Asks behind the opening of the transaction; throws `Outdated` where it does not hold any more. */
  check(client: PoolClient): Promise<void>;
  isGiven: boolean;
}

/** What a change was begun on the strength of does not hold any more; nothing was done. */
export class Outdated extends Error {}

export interface Mutation {
  /** Chosen by the caller, the same for every attempt of one change. */
  id: string;
  /** The procedure, and a hash of its input: the same id with another input is refused. */
  name: string;
  hash: string;
}

type Begun = Scope & { mutation?: Mutation | undefined; proof?: Proof | undefined };

/**
 * `position` is where the log of the organization stood when the change was in it; `epoch` names the life
 * of the database, as a restore begins another in which positions come again.
 */
export interface Committed<T> {
  data: T;
  position: number;
  epoch: string;
}

/**
 * Runs one change in one transaction: sets organization, actor and mutation id, runs the function,
 * keeps its answer under the mutation id, commits, pokes the tail. Triggers fill the log. What this
 * returns is durable. A change that comes again is answered from its first run, with no second effect;
 * deadlocks and serialization failures are tried again, so `run` must not touch anything but `tx`.
 */
export async function commit<T>(
  server: Committer,
  scope: Begun,
  run: (tx: Tx) => Promise<T>,
): Promise<Committed<T>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptOnce(server, scope, run);
    } catch (error) {
      if (error instanceof Outdated) throw error;
      // To somebody who is not made sure of nothing is told; the line may have broken before he was.
      const isSure = scope.proof?.isGiven ?? true;
      const stored = isSure ? scope.mutation : undefined;
      const earlier = stored && (await storedAnswer<T>(server, scope, stored));
      if (earlier) return earlier;
      if (attempt <= 3 && isRetryable(error)) continue;
      if (!scope.mutation || !isRefusal(error)) throw error;
      return refuse(server, scope, { ...scope.mutation, refusal: error });
    }
  }
}

async function attemptOnce<T>(
  server: Committer,
  { mutation, proof, ...scope }: Begun,
  run: (tx: Tx) => Promise<T>,
): Promise<Committed<T>> {
  const shared = server.flush.enter();
  try {
    const { rows, ...committed } = await transact(
      server.pool,
      { mutation, proof, shared, ...scope },
      run,
    );
    // After the connection is given back: a flush that waits must not keep others from committing.
    // A change that altered nothing waits as well: what it saw may be another's, not yet on disk.
    const wrote = mutation !== undefined || rows.length > 0;
    await (wrote ? server.flush.settled() : server.flush.barrier());
    server.poke(scope.organizationId, committed.position, rows);
    return committed;
  } finally {
    server.flush.leave(shared);
  }
}

const transact = <T>(
  pool: Pool,
  { mutation, proof, shared, ...scope }: Begun & { shared: boolean },
  run: (tx: Tx) => Promise<T>,
): Promise<Committed<T> & { rows: LogRow[] }> =>
  onConnection(pool, async (client) => {
    const acting = mutation ? { ...scope, mutationId: mutation.id } : scope;
    const proven = async (tx: Tx): Promise<T> => {
      const checked = proof?.check(client);
      checked?.catch(() => undefined);
      try {
        return await run(tx);
      } finally {
        // Whatever was found on the strength of it: that it does not hold comes first.
        await checked;
      }
    };
    const data = await afterOpening(client, opening(acting, { asyncCommit: shared }), proven);
    return { data, ...(await finish(client, { mutation, data, withRows: !shared })) };
  });

/**
 * Sent together, so that the organization's clock is held for no round trip. Who is alone takes along
 * what the log says of the change, and saves the tail a reading; beside others it would hold them up.
 */
async function finish(
  client: PoolClient,
  {
    mutation,
    data,
    withRows,
  }: { mutation: Mutation | undefined; data: unknown; withRows: boolean },
): Promise<{ position: number; epoch: string; rows: LogRow[] }> {
  const answer = mutation ? JSON.stringify(data ?? null) : null;
  const [finished, logged] = await Promise.all([
    client.query<{ pos: number; epoch: string }>(
      'select sync.finish($1, $2, $3, $4) as pos, (select epoch from sync.state) as epoch',
      [mutation?.id ?? null, mutation?.name ?? '', mutation?.hash ?? '', answer],
    ),
    withRows ? client.query<LogRow>(ownLog, []) : undefined,
    client.query('commit', []),
  ]);
  const { pos = 0, epoch = '' } = finished.rows[0] ?? {};
  return { position: pos, epoch, rows: logged?.rows ?? [] };
}

const ownLog = `select l.* from sync.change_tx t, sync.read_log(t.organization_id, t.pos - 1, 1) l
  where t.xid = pg_current_xact_id_if_assigned() and t.organization_id = sync.org()
  limit ${mostHandedOver + 1}`;

/**
 * Keeps a refusal as the answer of a change, and throws it; of several attempts that are under way at
 * once every one ends as the first did, so this may answer instead. Without a hash it stands for whatever
 * comes under the id.
 */
export async function refuse<T>(
  { pool, flush }: Pick<Committer, 'pool' | 'flush'>,
  scope: Scope,
  { id, name, hash = '', refusal }: Omit<Mutation, 'hash'> & { hash?: string; refusal: AppError },
): Promise<Committed<T>> {
  const { code, details } = refusal;
  const { rows } = await write(pool, scope, (_, client) =>
    client.query<{ kept: boolean }>('select sync.refuse($1, $2, $3, $4) as kept', [
      id,
      name,
      hash,
      JSON.stringify({ code, details }),
    ]),
  );
  const earlier = rows[0]?.kept
    ? undefined
    : await storedAnswer<T>({ pool, flush }, scope, { id, name, ...(hash && { hash }) });
  if (!earlier) throw refusal;
  return earlier;
}

/** Errors that are the answer to a change, and not to the moment in which it came: some say to come again. */
const isRefusal = (error: unknown): error is AppError =>
  error instanceof AppError && !passing.has(error.code) && error.details.retryAfter === undefined;
const passing = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'REUSED_KEY',
  'TOO_MANY',
  'INTERNAL',
  'UNAVAILABLE',
]);

/**
 * What a change was answered when it came first; undefined when it never was done. Without a hash it is
 * told for its name alone. Throws what it was refused; REUSED_KEY where its id was used for another change.
 */
async function storedAnswer<T>(
  { pool, flush }: Pick<Committer, 'pool' | 'flush'>,
  scope: Scope,
  mutation: Omit<Mutation, 'hash'> & { hash?: string },
): Promise<Committed<T> | undefined> {
  const row = await read(pool, scope, (_, client) => findAnswer<T>(client, scope, mutation.id));
  if (!row) return undefined;
  const { hash = row.requestHash } = mutation;
  if ((row.requestHash !== '' && row.requestHash !== hash) || row.name !== mutation.name) {
    throw new AppError('REUSED_KEY', { reason: 'keyReused' });
  }
  if (row.refusal) throw new AppError(row.refusal.code, row.refusal.details);
  // With no connection held: the flush needs one. The first run may have ended without its own.
  await flush.barrier();
  return { data: row.answer, position: row.pos, epoch: row.epoch };
}

interface StoredAnswer<T> {
  answer: T;
  pos: number;
  epoch: string;
  requestHash: string;
  name: string;
  refusal: { code: ErrorCode; details: ErrorDetails } | null;
}

async function findAnswer<T>(
  client: PoolClient,
  { actor = '' }: Scope,
  mutationId: string,
): Promise<StoredAnswer<T> | undefined> {
  const { rows } = await client.query<StoredAnswer<T>>(
    `select answer, pos, (select epoch from sync.state) as epoch, request_hash as "requestHash", name, refusal
     from sync.mutations where actor = $1 and mutation_id = $2`,
    [actor, mutationId],
  );
  return rows[0];
}

const isRetryable = (error: unknown): boolean =>
  isStalePlan(error) ||
  (error instanceof Error && 'code' in error && (error.code === '40001' || error.code === '40P01'));
