import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { connect } from '#db/connect.ts';
import { open, opening } from '#server/live/transaction.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

export interface LogEntry {
  pos: number;
  actor: string | null;
  entity: string;
  id: string;
  op: string;
  rev: number;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface LogBase extends AsyncDisposable {
  base: TestDatabase;
  /** Connections of the application, as many as a test asks for. */
  pool: Pool;
  /** An organization with nothing but itself in it; its log begins at the answer's `since`. */
  newOrganization(): Promise<{ org: string; since: number }>;
  head(org: string): Promise<number>;
  /** What the log says after a position. */
  logOf(org: string, since: number): Promise<LogEntry[]>;
}

export async function logBase(): Promise<LogBase> {
  const base = await freshDatabase();
  const { pool, close } = connect({ url: base.url, max: 40, name: 'syncline test' });
  const head = async (org: string) =>
    (await base.owner.pool.query<{ pos: number }>('select sync.head($1) as pos', [org])).rows[0]
      ?.pos ?? -1;
  return {
    base,
    pool,
    head,
    async newOrganization() {
      const org = randomUUID();
      await base.owner.pool.query(
        'insert into organizations (organization_id, id, name, slug) values ($1, $1, $2, $2)',
        [org, `o${org}`],
      );
      return { org, since: await head(org) };
    },
    async logOf(org, since) {
      const { rows } = await base.owner.pool.query<LogEntry>(
        'select pos, actor, entity, id, op, rev, before, after from sync.read_log($1, $2, 1000000)',
        [org, since],
      );
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await close();
      await base.drop();
    },
  };
}

/** A transaction of the application, open until the test ends it. */
export async function begin(
  pool: Pool,
  org: string,
  { isolation, actor = 'tester' }: { isolation?: string; actor?: string } = {},
): Promise<Transaction> {
  const client = await pool.connect();
  await open(client, opening({ organizationId: org, actor }));
  if (isolation) {
    await client.query(`rollback; begin isolation level ${isolation}`);
    await client.query(
      `select set_config('role', 'syncline_app', true), set_config('app.organization_id', $1, true)`,
      [org],
    );
  }
  return new Transaction(client);
}

export class Transaction {
  readonly #client: PoolClient;
  #isOver = false;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  async run(statement: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.#client.query<Record<string, unknown>>(statement, values)).rows;
  }

  async commit(): Promise<void> {
    await this.#end('commit');
  }

  async rollback(): Promise<void> {
    await this.#end('rollback');
  }

  async #end(how: 'commit' | 'rollback'): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      await this.#client.query(how);
    } catch (error) {
      await this.#client.query('rollback');
      throw error;
    } finally {
      this.#client.release();
    }
  }
}

/** One transaction of several statements. */
export async function change(pool: Pool, org: string, ...statements: string[]): Promise<void> {
  const tx = await begin(pool, org);
  try {
    for (const statement of statements) await tx.run(statement);
    await tx.commit();
  } catch (error) {
    await tx.rollback();
    throw error;
  }
}

/** Entity, operation and what changed, in order, with positions counted from `since`. */
export const told = (entries: LogEntry[], since: number) =>
  entries.map(({ pos, entity, op, before, after }) => [
    pos - since,
    entity,
    op,
    op === 'U'
      ? Object.keys(before ?? {})
          .sort()
          .join(' ')
      : String((after ?? before)?.['name'] ?? ''),
  ]);

export const addTeam = (name: string): string =>
  `insert into teams (organization_id, name) values (sync.org(), '${name}')`;

/**
 * Follows every row through the whole log and answers what is wrong: positions with holes, a row whose
 * version does not grow, a before image that is not what the image before it says, or a last image that
 * is not the row as it stands.
 */
export async function faultsOf({ base }: LogBase): Promise<string[]> {
  const { rows } = await base.owner.pool.query<{ fault: string }>(`
    with log as (
      select t.organization_id, t.pos, l.ord, l.entity, l.id, l.op::text, l.rev, l.before, l.after,
        lag(l.after) over row_order as held, lag(l.rev) over row_order as held_rev,
        lag(l.op::text) over row_order as held_op,
        row_number() over row_order as step, count(*) over (partition by l.organization_id, l.entity, l.id) as steps
      from sync.change_tx t
      join sync.change_log l on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
      window row_order as (partition by l.organization_id, l.entity, l.id order by t.pos, l.ord)),
    now as (
      select 'teams' as entity, id, to_jsonb(t) as row from teams t
      union all select 'deals', id, to_jsonb(d) from deals d)
    select 'positions of ' || organization_id as fault from sync.change_tx
      group by organization_id having count(*) <> max(pos) or min(pos) <> 1
    union all
    select 'clock of ' || c.organization_id from sync.org_clock c
      where c.pos <> (select max(pos) from sync.change_tx t where t.organization_id = c.organization_id)
    union all
    select 'unstamped ' || l.entity from sync.change_log l where not exists (select from sync.change_tx t
      where t.xid = l.xid and t.organization_id = l.organization_id and t.at = l.at)
    union all
    select concat_ws(' ', 'step', step, op, entity, id) from log where case
      when step > 1 and rev <= held_rev then true
      when op = 'I' then step > 1 and held_op <> 'D'
      when op = 'U' then held is null or not held @> before
        or held - (select array_agg(key) from jsonb_object_keys(before) key) - 'rev' - 'updated_at'
          <> after - (select array_agg(key) from jsonb_object_keys(before) key) - 'rev' - 'updated_at'
      else held is null or held <> before end
    union all
    select concat_ws(' ', 'last', log.entity, log.id) from log left join now using (entity, id)
      where step = steps and entity in ('teams', 'deals')
        and case when op = 'D' then now.id is not null else now.row is distinct from after end`);
  return rows.map(({ fault }) => fault);
}
