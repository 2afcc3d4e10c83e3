import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { PreparingClient } from '#db/prepared.ts';
import type { DB } from '#db/types.ts';

export interface Connection {
  pool: pg.Pool;
  db: Kysely<DB>;
  close(): Promise<void>;
}

interface Options {
  url: string;
  /** Most connections at once. */
  max?: number;
  /** Seen in pg_stat_activity. */
  name?: string;
  /**
   * After so many milliseconds without an answer a connection is given up: the line may be dead, and
   * nobody said so. None by default: an administrator's work may take its time.
   */
  patience?: number;
}

/** A process that stands still must not keep the rows it has locked from everybody; in milliseconds. */
const mostIdle = 10_000;

/** Connections of the application: each is syncline_app from its first statement on. */
export function connect({ url, max = 10, name = 'syncline', patience }: Options): Connection {
  const options = `-c role=syncline_app -c search_path=crm -c idle_in_transaction_session_timeout=${mostIdle}`;
  return open({ url, max, name, patience, options });
}

/** Connections as the login itself, for migrations, backup and tests. */
export function connectAsOwner({ url, max = 4, name = 'syncline owner' }: Options): Connection {
  return open({ url, max, name, patience: undefined, options: '-c search_path=crm' });
}

function open({
  url,
  max,
  name,
  patience,
  options,
}: Required<Omit<Options, 'patience'>> & {
  patience: number | undefined;
  options: string;
}): Connection {
  const pool = new pg.Pool({
    Client: PreparingClient,
    connectionString: url,
    max,
    application_name: name,
    options,
    types: { getTypeParser },
    connectionTimeoutMillis: 10_000,
    ...(patience && { patience }),
    // Its first statements cost a new connection many times what the same ones cost an old one.
    idleTimeoutMillis: 600_000,
    keepAlive: true,
  });
  // Without listeners a connection that Postgres ends would end this process too: an idle one through
  // the pool, one in use between two queries by itself. Whoever uses it meets the error at his next query.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<DB>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
  return {
    pool,
    db,
    async close() {
      await db.destroy();
      // A builder that was never used leaves its pool alone.
      if (!pool.ending) await pool.end();
    },
  };
}

/**
 * int8 is a number, and an error beyond 2^53; a date is 'YYYY-MM-DD' and has no time zone to be
 * shifted by; numeric is a string; timestamptz is a Date.
 */
const getTypeParser: typeof pg.types.getTypeParser = (
  oid: number,
  format?: 'text' | 'binary',
): ((value: string) => unknown) => {
  if (format !== 'binary') {
    if (oid === INT8) return parseInt8;
    if (oid === INT8_ARRAY)
      return (value) => parseList(value).map((item) => item && parseInt8(item));
    if (oid === DATE) return (value) => value;
    if (oid === DATE_ARRAY) return parseList;
  }
  return pg.types.getTypeParser(oid, format);
};

const INT8: number = pg.types.builtins.INT8;
const DATE: number = pg.types.builtins.DATE;
const INT8_ARRAY = 1016;
const DATE_ARRAY = 1182;
const TEXT_ARRAY: number = 1009;

const parseList = pg.types.getTypeParser(TEXT_ARRAY) as (value: string) => (string | null)[];

function parseInt8(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} does not fit a number exactly`);
  return number;
}
