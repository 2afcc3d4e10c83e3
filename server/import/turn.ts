import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';

const PAUSE = 500;

/**
 * Waits until no other import into the organization is under way: two at a time would make the same
 * records twice. The turn ends with the function it answers, or with this process; undefined where
 * the wait was given up.
 */
export async function takeTurn(
  pool: Pool,
  organizationId: string,
  { signal, waiting }: { signal: AbortSignal | undefined; waiting(): void },
): Promise<(() => void) | undefined> {
  const client = await pool.connect();
  // Without a listener a connection that dies while it only holds the lock would end the process.
  client.on('error', () => undefined);
  try {
    for (let isFirst = true; !signal?.aborted; isFirst = false) {
      const { rows } = await client.query<{ isMine: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as "isMine"',
        [`import ${organizationId}`],
      );
      if (rows[0]?.isMine) return () => client.release(true);
      if (isFirst) waiting();
      await pause(PAUSE);
    }
  } catch (error) {
    client.release(true);
    throw error;
  }
  client.release(true);
  return undefined;
}
