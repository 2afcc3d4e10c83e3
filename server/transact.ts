import type { Pool } from 'pg';
import { write, type Scope, type Tx } from './live/transaction.ts';

/** Writes inside one organization, for a program's own purposes; what a person changes goes by `change`. */
export const inTransaction = <T>(
  pool: Pool,
  scope: Scope & { asyncCommit?: boolean },
  run: (tx: Tx) => Promise<T>,
): Promise<T> => write(pool, scope, run);
