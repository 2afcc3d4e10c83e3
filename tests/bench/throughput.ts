import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { connect } from '#db/connect.ts';
import { commit } from '#server/live/commit.ts';
import { Flush } from '#server/live/flush.ts';
import { now } from './clock.ts';
import type { Ground } from './ground.ts';
import type { Line } from './report.ts';
import { percentile, short } from './statistics.ts';

const writers = 8;

/** Durable transactions through the log from eight writers; the floor is the same without capture. */
export async function throughput(
  ground: Ground,
  { isQuick }: { isQuick: boolean },
): Promise<Line[]> {
  const owner = new pg.Client(ground.url);
  await owner.connect();
  const { pool, close } = connect({ url: ground.url, max: writers + 2, name: 'throughput' });
  const server = { pool, flush: new Flush(pool), poke: () => undefined };
  const seconds = isQuick ? 3 : 8;
  const run = async (rows: Row[]): Promise<{ perSecond: number; p99: number }> => {
    const took: number[] = [];
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
    return { perSecond: took.length / seconds, p99: percentile(took, 0.99) };
  };
  const capture = (state: 'enable' | 'disable') =>
    owner.query(`alter table crm.products ${state} trigger user`);
  const one = await makeRows(owner, { organizations: 1, rows: 64 });
  const many = await makeRows(owner, { organizations: 200, rows: 1 });
  await run(one);
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
      detail: `p99 ${short(found.one.p99)} ms; the floor is the same without capture, ${short(bare.one.p99)} ms`,
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
