import { sql } from 'kysely';
import type { Pool } from 'pg';
import type { Scope, Tx } from '../live/transaction.ts';
import { inTransaction } from '../transact.ts';
import { pagesOf, readAfter } from './logged.ts';
import { actorOf, type Reader } from './reader.ts';

/** Transactions that are taken in at once. */
const mostTransactions = 1_000;
/** A transaction alone may fail so often before it is set aside. */
export const mostFailures = 5;

export interface Batch {
  /** Whether there may be more, or all is read, or another node is at it. */
  state: 'behind' | 'done' | 'taken';
  position: number;
  transactions: number;
}

/** What went wrong, and at which transactions: `from` and `to` are positions, both of them in it. */
export class BatchFailed extends Error {
  readonly from: number;
  readonly to: number;

  constructor(cause: unknown, { from, to }: { from: number; to: number }) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.from = from;
    this.to = to;
  }
}

/** Lets a reader take in the next transactions of an organization and moves its cursor, both or neither. */
export async function readBatch(
  pool: Pool,
  { reader, organizationId, most = mostTransactions }: Place & { most?: number },
): Promise<Batch> {
  return inTransaction(pool, scopeOf({ reader, organizationId }), async (tx) => {
    const after = await takeCursor(tx, reader.name, organizationId);
    if (after === undefined) return { state: 'taken', position: 0, transactions: 0 };
    const next = await readAfter(tx, { organizationId, after, most });
    if (next.to === after) return { state: 'done', position: after, transactions: 0 };
    try {
      for await (const page of pagesOf(tx, next)) await reader.apply(tx, page);
    } catch (error) {
      throw new BatchFailed(error, { from: after + 1, to: next.to });
    }
    await moveCursor(tx, reader.name, next.to);
    const state = next.to - after < most && !next.isCut ? 'done' : 'behind';
    return { state, position: next.to, transactions: next.to - after };
  });
}

export interface Place {
  reader: Reader;
  organizationId: string;
}

/** Counts a failure of the transaction at `position`; one too many, and it is set aside. */
export async function countFailure(
  pool: Pool,
  { reader, organizationId }: Place,
  { position, error }: { position: number; error: string },
): Promise<'counted' | 'setAside'> {
  return inTransaction(pool, scopeOf({ reader, organizationId }), async (tx) => {
    const cursor = await tx
      .updateTable('sync.readerCursors')
      .set((row) => ({
        failures: row('failures', '+', 1),
        lastError: error,
        updatedAt: sql`now()`,
      }))
      .where('reader', '=', reader.name)
      .where('pos', '=', position - 1)
      .returning('failures')
      .executeTakeFirst();
    if (!cursor || cursor.failures < mostFailures) return 'counted';
    await tx
      .insertInto('sync.readerPoison')
      .values({ organizationId, reader: reader.name, pos: position, error })
      .onConflict((row) => row.columns(['organizationId', 'reader', 'pos']).doUpdateSet({ error }))
      .execute();
    await moveCursor(tx, reader.name, position);
    return 'setAside';
  });
}

/** Tries a transaction again that was set aside. */
export async function retryPoison(
  pool: Pool,
  { reader, organizationId, position }: Place & { position: number },
): Promise<void> {
  await inTransaction(pool, scopeOf({ reader, organizationId }), async (tx) => {
    const gone = await tx
      .deleteFrom('sync.readerPoison')
      .where('reader', '=', reader.name)
      .where('pos', '=', position)
      .executeTakeFirst();
    if (gone.numDeletedRows === 0n) return;
    const next = await readAfter(tx, { organizationId, after: position - 1, most: 1 });
    for await (const page of pagesOf(tx, next)) await reader.apply(tx, page);
  });
}

/** What is read may not be on disk yet; but what is written of it can then not be there without it. */
const scopeOf = ({ reader, organizationId }: Place): Scope & { asyncCommit: true } => ({
  organizationId,
  actor: actorOf(reader),
  asyncCommit: true,
});

/** The cursor, locked until the transaction ends; undefined while another node has it. */
async function takeCursor(
  tx: Tx,
  reader: string,
  organizationId: string,
): Promise<number | undefined> {
  const mine = await tx
    .selectFrom('sync.readerCursors')
    .select('pos')
    .where('reader', '=', reader)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (mine) return mine.pos;
  const made = await tx
    .insertInto('sync.readerCursors')
    .values({ organizationId, reader })
    .onConflict((row) => row.doNothing())
    .returning('pos')
    .executeTakeFirst();
  return made?.pos;
}

async function moveCursor(tx: Tx, reader: string, pos: number): Promise<void> {
  await tx
    .updateTable('sync.readerCursors')
    .set({ pos, failures: 0, lastError: null, updatedAt: sql`now()` })
    .where('reader', '=', reader)
    .execute();
}
