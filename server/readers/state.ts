import type { Pool } from 'pg';
import { Gauge } from 'prom-client';
import { nobody } from '../live/canary.ts';
import type { Reader } from './reader.ts';

export interface State {
  reader: Reader;
  organizationId: string;
  pos: number;
  head: number;
  /** When the first transaction was made that waits. */
  since: Date | null;
  failures: number;
  lastError: string | null;
  poison: number;
}

/** Where each reader stands in each organization. */
export async function readState(pool: Pool, readers: readonly Reader[]): Promise<State[]> {
  const { rows } = await pool.query<Omit<State, 'reader'> & { reader: string }>(
    `select reader, organization_id as "organizationId", pos, head, since, failures,
       last_error as "lastError", poison
     from sync.reader_state($1) where organization_id <> $2`,
    [readers.map(({ name }) => name), nobody],
  );
  return rows.flatMap((row) => {
    const reader = readers.find(({ name }) => name === row.reader);
    return reader ? [{ ...row, reader }] : [];
  });
}

/** How far readers are behind, asked when somebody looks. */
export function collectReaders(pool: Pool, readers: readonly Reader[]): void {
  const positions = new Gauge({
    name: 'reader_lag_positions',
    help: 'Transactions that a reader of the change log has still to take in.',
    labelNames: ['reader'],
  });
  const poison = new Gauge({
    name: 'reader_poison',
    help: 'Transactions that a reader could not take in and that were set aside.',
    labelNames: ['reader'],
  });
  new Gauge({
    name: 'reader_lag_seconds',
    help: 'How long the oldest transaction has waited for a reader.',
    labelNames: ['reader'],
    async collect() {
      const states = await readState(pool, readers).catch(() => []);
      for (const reader of readers) {
        const those = states.filter((state) => state.reader === reader);
        const { name } = reader;
        positions.set({ reader: name }, sum(those.map(({ pos, head }) => head - pos)));
        poison.set({ reader: name }, sum(those.map((state) => state.poison)));
        const waits = those.map(({ since }) => (since ? Date.now() - since.getTime() : 0));
        this.set({ reader: name }, Math.max(0, ...waits) / 1000);
      }
    },
  });
}

const sum = (numbers: number[]): number => numbers.reduce((all, one) => all + one, 0);
