import type { Pool } from 'pg';
import { io, type Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { connectAsOwner } from '#db/connect.ts';
import { dropOldImages } from '#jobs/old-images.ts';
import { protocolVersion } from '#lib/shared/wire.ts';
import { wholeHistory } from '#server/history.ts';
import { read } from '#server/live/transaction.ts';
import { readBatch } from '#server/readers/batch.ts';
import { history } from '#server/readers/history.ts';
import { logBase } from '#tests/db/log.ts';
import { openAs } from '#tests/support/person.ts';
import { startServer } from '#tests/support/server.ts';
import { noting, seenTable } from './noting.ts';
import { writeTeams } from './reading.ts';

const { signal } = new AbortController();
const asked = { keepDays: 30, readers: ['history', 'noting'], signal };

/** What the log has of an organization was written so many days ago. */
async function age(owner: Pool, organizationId: string, days: number): Promise<string> {
  const { rows } = await owner.query<{ name: string; from: string; to: string }>(
    `select 'change_log_' || to_char(d, 'YYYYMMDD') as name, d::text as from, (d + 1)::text as to
     from (select current_date - $1::int as d) day`,
    [days],
  );
  const { name = '', from, to } = rows[0] ?? {};
  await owner.query(`create table if not exists sync.${name} partition of sync.change_log
    for values from ('${from}') to ('${to}')`);
  const aged = (table: string) => `update sync.${table}
    set at = '${from}'::timestamptz + (at - date_trunc('day', at)) where organization_id = '${organizationId}'`;
  // A row that moves to another day is not to be stamped again.
  await owner.query(`begin; set local session_replication_role = replica;
    ${aged('change_log')}; ${aged('change_tx')}; commit`);
  return name;
}

const daysOf = async (owner: Pool): Promise<string[]> =>
  (
    await owner.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'sync.change_log'::regclass`,
    )
  ).rows.map(({ name }) => name);

test('old days of the log are dropped, when every reader has passed them, and the history stays', async () => {
  await using log = await logBase();
  const owner = log.base.owner.pool;
  await owner.query(seenTable);
  const { org } = await log.newOrganization();
  const other = await log.newOrganization();
  await writeTeams(owner, org);
  await writeTeams(owner, other.org, { from: 1, to: 3 });
  const [old, young] = [await age(owner, org, 31), await age(owner, other.org, 30)];
  const readAll = async (reader: typeof history, most = 200) =>
    readBatch(log.pool, { reader, organizationId: org, most });

  expect(await dropOldImages(owner, asked)).toEqual({ dropped: [], kept: [old] });
  await readAll(history);
  expect(await dropOldImages(owner, asked)).toEqual({ dropped: [], kept: [old] });
  await readAll(noting('noting'), 20);
  expect(await dropOldImages(owner, asked)).toEqual({ dropped: [], kept: [old] });
  await readAll(noting('noting'));
  const poison = `sync.reader_poison where organization_id = '${org}'`;
  await owner.query(`insert into sync.reader_poison values ('${org}', 'history', 5, 'no')`);
  expect(await dropOldImages(owner, asked)).toEqual({ dropped: [], kept: [old] });
  await owner.query(`delete from ${poison}`);
  expect(await dropOldImages(owner, asked)).toEqual({ dropped: [old], kept: [] });
  expect(await dropOldImages(owner, asked)).toEqual({ dropped: [], kept: [] });

  expect(await daysOf(owner)).not.toContain(`sync.${old}`);
  expect(await daysOf(owner)).toContain(`sync.${young}`);
  const told = await read(log.pool, { organizationId: org }, (tx) =>
    wholeHistory(tx, { limit: 100 }),
  );
  expect(told.map(({ title }) => title)).toContain('team 1');
  expect(told).toHaveLength(21);
  // One who begins now passes by what is gone.
  const late = noting('late');
  await writeTeams(owner, org, { from: 21, to: 22 });
  expect(await readAll(late)).toMatchObject({ state: 'done', transactions: 23 });
  const { rows } = await owner.query(`select from crm.seen where reader = 'late'`);
  expect(rows).toHaveLength(2);
});

interface Start {
  position: number;
  rights: string;
  resumed: boolean;
}

interface Came extends Start {
  epoch: string;
  teams: number;
}

/** A browser that comes, with the cursor where it stood before. */
async function come(url: string, token: string, cursor?: Came): Promise<Came> {
  const socket: Socket = io(url, {
    forceNew: true,
    transports: ['websocket'],
    auth: { organization: 'demo', protocol: protocolVersion },
    extraHeaders: { authorization: `Bearer ${token}` },
    reconnection: false,
  });
  try {
    const heard = <T>(name: string) =>
      new Promise<T>((resolve) => socket.once(name, (...args: unknown[]) => resolve(args as T)));
    const [welcome, rows, start] = [
      heard<[{ epoch: string }]>('welcome'),
      heard<[string, Buffer]>('rows'),
      heard<[Start]>('start'),
    ];
    const [{ epoch }] = await welcome;
    socket.emit('subscribe', {
      topics: ['teams'],
      totals: [],
      lists: [],
      ...(cursor && { cursor }),
    });
    const [started] = await start;
    const teams = started.resumed
      ? 0
      : (JSON.parse(new TextDecoder().decode((await rows)[1])) as unknown[]).length;
    return { ...started, epoch, teams };
  } finally {
    socket.disconnect();
  }
}

test('who comes back from before the oldest image is given his rows anew', async () => {
  await using server = await startServer({ demo: true });
  const { pool: owner, close } = connectAsOwner({ url: server.databaseUrl });
  const person = await openAs(server.url, 'anna@demo.test');
  person.leave();
  const first = await come(server.url, person.token);
  const { rows } = await owner.query<{ id: string }>(`select id from crm.organizations`);
  const organizationId = rows[0]?.id ?? '';
  await owner.query(
    `begin; select set_config('app.organization_id', '${organizationId}', true);
     insert into crm.teams (organization_id, name) values ('${organizationId}', 'another'); commit`,
  );
  // From memory nothing is left of it.
  await server.kill();
  await server.restart();
  expect(await come(server.url, person.token, first)).toMatchObject({ resumed: true });
  await server.kill();
  const day = await age(owner, organizationId, 40);
  await server.restart();
  const unread = `select from sync.reader_state('{history}')
    where pos < head and organization_id = '${organizationId}'`;
  await expect.poll(async () => (await owner.query(unread)).rowCount, { timeout: 15_000 }).toBe(0);
  const dropped = await dropOldImages(owner, { ...asked, readers: ['history'] });
  expect(dropped).toEqual({ dropped: [day], kept: [] });
  expect(await come(server.url, person.token, first)).toMatchObject({
    resumed: false,
    teams: first.teams + 1,
  });
  await close();
}, 90_000);
