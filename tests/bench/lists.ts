import pg from 'pg';
import { now } from './clock.ts';
import type { Ground } from './ground.ts';
import { startWatchers } from './moving.ts';
import type { Line } from './report.ts';
import { median, short } from './statistics.ts';

const many = 100_000;

/** A list of 100,000 customers: from asking to the first fifty records; the floor asks SQL for them and a count. */
export async function lists(ground: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  for (let from = 0; from < many; from += 10_000) await ground.ask(customers(from));
  await ground.ask('analyze');
  const client = new pg.Client(ground.url);
  await client.connect();
  const watching = startWatchers();
  const lines: Line[] = [];
  const cases = [
    ['by name', { sort: 'name' }, '', 'sort_name'],
    [
      'searched',
      { sort: 'name', q: 'vector 77' },
      `and search_text like '%vector%' and search_text like '%77%'`,
      'sort_name',
    ],
  ] as const;
  for (const [name, params, where, order] of cases) {
    const found = { ours: [] as number[], floor: [] as number[] };
    for (let round = 0; round < (isQuick ? 4 : 10); round++) {
      const began = now();
      const from = `from crm.customers c join crm.customer_search s using (organization_id, id) where true ${where}`;
      await client.query(`select count(*) ${from}`);
      await client.query(`select c.* ${from} order by s.${order}, id limit 50`);
      found.floor.push(now() - began);
      const { took, total } = await watching.ask('list', { contestant: ground.ours, params });
      if (total === 0) throw new Error('The list is empty');
      found.ours.push(took);
    }
    const [ours, floor] = [median(found.ours), median(found.floor)];
    lines.push({
      what: `a list of 100,000 customers, ${name}, to its first 50 records`,
      ours: `${short(ours)} ms`,
      floor: `${short(floor)} ms`,
      ratio: short(ours / floor),
      goal: '5 x',
      isMet: ours <= floor * 5,
      detail: 'loaded anew each time; ours holds the place of every record from then on',
    });
  }
  await Promise.all([watching.end(), client.end()]);
  return lines;
}

const customers = (from: number): string => `
  insert into crm.customers (organization_id, name, status, city)
  select (select organization_id from crm.members where email = 'boris@demo.test'),
    (array['Vector', 'Nordlicht', 'Ромашка', 'Café'])[1 + n % 4] || ' ' || n,
    (array['lead', 'active', 'vip'])[1 + n % 3], (array['Oslo', 'Казань'])[1 + n % 2]
  from generate_series(${from + 1}, ${from + 10_000}) n`;
