import type { Pool } from 'pg';
import { afterOpening, opening, rollback, type Scope, type Tx } from './live/transaction.ts';

/** Writes inside one organization, for a program's own purposes; what a person changes goes by `change`. */
export async function inTransaction<T>(
  pool: Pool,
  { asyncCommit = false, ...scope }: Scope & { asyncCommit?: boolean },
  run: (tx: Tx) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    const result = await afterOpening(client, opening(scope, { asyncCommit }), run);
    await client.query('commit');
    return result;
  } catch (error) {
    broken = await rollback(client);
    throw error;
  } finally {
    client.release(broken);
  }
}
