import type { Tx } from '../live/transaction.ts';
import { query, type Context } from '../trpc.ts';

/**
 * Reads what a request leaves to the server. Undefined for whoever is no member: the procedure itself
 * refuses them.
 */
export async function lookUp<T>(
  context: Context,
  run: (tx: Tx) => Promise<T>,
): Promise<T | undefined> {
  const { identity, member } = context;
  return identity && member ? query({ ...context, identity, member }, run) : undefined;
}
