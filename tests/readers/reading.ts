import type { Pool } from 'pg';
import { connect } from '#db/connect.ts';
import type { Reader } from '#server/readers/reader.ts';
import { Runner } from '#server/readers/runner.ts';
import { readState } from '#server/readers/state.ts';
import { expect } from 'vitest';

const quiet = { warn: () => undefined, error: () => undefined };

export interface Seen {
  pos: number;
  ord: number;
}

/** What a reader has noted of an organization, in the order of the log. */
export async function seenOf(owner: Pool, reader: string, organizationId: string): Promise<Seen[]> {
  const { rows } = await owner.query<Seen>(
    'select pos, ord from crm.seen where reader = $1 and organization_id = $2 order by pos, ord',
    [reader, organizationId],
  );
  return rows;
}

/** What the log has of an organization. */
export async function loggedOf(owner: Pool, organizationId: string): Promise<Seen[]> {
  const { rows } = await owner.query<Seen>(
    `select t.pos, l.ord from sync.change_tx t join sync.change_log l
       on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
     where t.organization_id = $1 order by 1, 2`,
    [organizationId],
  );
  return rows;
}

/** A runner on a pool of its own, as a node has it. */
export async function running(
  url: string,
  readers: Reader[],
): Promise<{ pool: Pool; settle(): Promise<void>; [Symbol.asyncDispose](): Promise<void> }> {
  const { pool, close } = connect({ url, max: 4, name: 'syncline readers' });
  const runner = new Runner({ pool, readers, log: quiet, longestWait: 200 });
  await runner.start();
  return {
    pool,
    settle: () => caughtUp(pool, readers),
    async [Symbol.asyncDispose]() {
      await runner.stop();
      await close();
    },
  };
}

const caughtUp = (pool: Pool, readers: Reader[]): Promise<void> =>
  expect
    .poll(async () => (await readState(pool, readers)).filter(({ pos, head }) => pos < head), {
      timeout: 60_000,
      interval: 20,
    })
    .toEqual([]);

/** Commits so many transactions of a team each, as one who writes past the application. */
export const writeTeams = (owner: Pool, organizationId: string, { from = 1, to = 20 } = {}) =>
  owner.query(`do $$ begin
    for i in ${from}..${to} loop
      perform set_config('app.organization_id', '${organizationId}', true);
      perform set_config('app.actor', 'psql', true), set_config('synchronous_commit', 'off', true);
      insert into crm.teams (organization_id, name) values ('${organizationId}', 'team ' || i);
      commit;
    end loop; end $$`);
