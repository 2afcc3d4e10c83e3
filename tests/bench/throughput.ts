import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { connect } from '#db/connect.ts';
import { commit } from '#server/live/commit.ts';
import { Flush } from '#server/live/flush.ts';
import { now } from './clock.ts';
import type { Ground } from './ground.ts';
import type { Line } from './report.ts';
import { percentile, short } from './statistics.ts';

const most = 8;

/** Durable transactions through the log from eight writers; the floor is the same without capture. */
export async function throughput(
  ground: Ground,
  { isQuick }: { isQuick: boolean },
): Promise<Line[]> {
  const owner = new pg.Client(ground.url);
  await owner.connect();
  const { pool, close } = connect({ url: ground.url, max: most + 2, name: 'throughput' });
  const server = { pool, flush: new Flush(pool), poke: () => undefined };
  const seconds = isQuick ? 3 : 8;
  const processors = async (): Promise<number> => {
    const { rows } = await owner.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'throughput'`,
    );
    const spent = await Promise.all(rows.map(({ pid }) => processorOf(pid)));
    return spent.reduce((sum, one) => sum + one, 0);
  };
  const run = async (rows: Row[], writers = most): Promise<Found> => {
    const took: number[] = [];
    const before = [process.cpuUsage(), await processors()] as const;
    const until = now() + seconds * 1000;
    const write = async (writer: number): Promise<void> => {
      for (let turn = writer; now() < until; turn += writers) {
        const { organizationId, id } = rows[turn % rows.length] ?? { organizationId: '', id: '' };
        const began = now();
        await commit(server, { organizationId, actor: 'bench' }, (tx) =>
          tx.updateTable('products').set({ series: randomUUID() }).where('id', '=', id).execute(),
        );
        took.push(now() - began);
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    const { user, system } = process.cpuUsage(before[0]);
    return {
      perSecond: took.length / seconds,
      p99: percentile(took, 0.99),
      here: (user + system) / 1000 / took.length,
      postgres: ((await processors()) - before[1]) / took.length,
    };
  };
  const capture = (state: 'enable' | 'disable') =>
    owner.query(`alter table crm.products ${state} trigger user`);
  const one = await makeRows(owner, { organizations: 1, rows: 64 });
  const many = await makeRows(owner, { organizations: 200, rows: 1 });
  await run(one);
  const few: Found[] = [];
  for (const writers of [1, 2, 4]) few.push(await run(one, writers));
  const found = { one: await run(one), many: await run(many) };
  await capture('disable');
  const bare = { one: await run(one), many: await run(many) };
  await capture('enable');
  await Promise.all([owner.end(), close()]);
  const ratio = found.many.perSecond / bare.many.perSecond;
  return [
    {
      what: 'durable transactions a second of one organization, 8 writers',
      ours: short(found.one.perSecond),
      floor: short(bare.one.perSecond),
      ratio: short(found.one.perSecond / bare.one.perSecond),
      goal: '2,000, p99 15 ms',
      isMet: found.one.perSecond >= 2_000 && found.one.p99 <= 15,
      detail:
        `p99 ${short(found.one.p99)} ms; the floor is the same without capture, ${short(bare.one.p99)} ms; ` +
        `with 1, 2, 4 writers ${few.map(({ perSecond }) => short(perSecond)).join(', ')}; processor for each ` +
        `${short(found.one.here)} ms in the writing process and ${short(found.one.postgres)} ms in Postgres ` +
        `(${short(bare.one.here)} and ${short(bare.one.postgres)} without capture)`,
    },
    {
      what: 'the same over 200 organizations',
      ours: short(found.many.perSecond),
      floor: short(bare.many.perSecond),
      ratio: short(ratio),
      goal: '0.4 of it',
      isMet: ratio >= 0.4,
      detail: `p99 ${short(found.many.p99)} ms`,
    },
  ];
}

interface Found {
  perSecond: number;
  p99: number;
  /** Milliseconds of processor for each transaction, in this process and in its connections of Postgres. */
  here: number;
  postgres: number;
}

/** What a process has used, in milliseconds; only Linux says. */
async function processorOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '0');
  return Number(text.split(' ')[0]) / 1e6;
}

interface Row {
  organizationId: string;
  id: string;
}

async function makeRows(
  owner: pg.Client,
  { organizations, rows }: { organizations: number; rows: number },
): Promise<Row[]> {
  const made = await owner.query<Row>(
    `with o as (insert into crm.organizations (id, organization_id, name, slug)
         select id, id, 'Bench', 'bench-' || id from (select gen_random_uuid() id from generate_series(1, $1)) x
         returning id)
       insert into crm.products (organization_id, name, currency)
       select o.id, 'Product ' || n, 'USD' from o, generate_series(1, $2) n
       returning organization_id as "organizationId", id`,
    [organizations, rows],
  );
  return made.rows;
}
