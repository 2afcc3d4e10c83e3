import type { Pool } from 'pg';
import { Gauge } from 'prom-client';
import { nobody } from '../live/canary.ts';
import { onceAtATime } from '../metrics.ts';
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
  const look = onceAtATime(() => readState(pool, readers));
  const tell = async (gauge: Gauge<'reader'>, figure: (states: State[]) => number) => {
    const states = await look().catch(() => []);
    for (const reader of readers)
      gauge.set({ reader: reader.name }, figure(states.filter((one) => one.reader === reader)));
  };
  new Gauge({
    name: 'reader_lag_positions',
    help: 'Transactions that a reader of the change log has still to take in.',
    labelNames: ['reader'],
    collect() {
      return tell(this, (states) => sum(states.map(({ pos, head }) => head - pos)));
    },
  });
  new Gauge({
    name: 'reader_poison',
    help: 'Transactions that a reader could not take in and that were set aside.',
    labelNames: ['reader'],
    collect() {
      return tell(this, (states) => sum(states.map(({ poison }) => poison)));
    },
  });
  new Gauge({
    name: 'reader_lag_seconds',
    help: 'How long the oldest transaction has waited for a reader.',
    labelNames: ['reader'],
    collect() {
      return tell(this, (states) => {
        const waits = states.map(({ since }) => (since ? Date.now() - since.getTime() : 0));
        return Math.max(0, ...waits) / 1000;
      });
    },
  });
}

const sum = (numbers: number[]): number => numbers.reduce((all, one) => all + one, 0);
