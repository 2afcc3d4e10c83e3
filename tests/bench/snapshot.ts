import type { Ground } from './ground.ts';
import { startWatchers } from './moving.ts';
import type { Line } from './report.ts';
import { median, short } from './statistics.ts';

/** 5,000 deals in a fresh client, from connecting to rows as objects. */
export async function snapshot(ground: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  const clients = startWatchers();
  const found = { floor: [] as number[], kept: [] as number[], cold: [] as number[] };
  const load = async (name: keyof typeof found): Promise<void> => {
    const { fromConnect, rows } = await clients.ask(
      'load',
      name === 'floor' ? ground.floor : ground.ours,
    );
    if (rows !== 5_000) throw new Error(`${name} loaded ${rows} deals`);
    found[name].push(fromConnect);
  };
  const warm = 8;
  for (let round = 0; round < (isQuick ? 20 : 40) + warm; round++) {
    if (round === warm) for (const list of Object.values(found)) list.length = 0;
    await load('floor');
    // Other changes age what the server keeps, so that it asks the database again.
    await ground.ask(ageing(ground));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await load('cold');
    await load('kept');
  }
  await clients.end();
  const floor = median(found.floor);
  const line = (what: string, values: number[], detail: string): Line => ({
    what,
    ours: `${short(median(values))} ms`,
    floor: `${short(floor)} ms`,
    ratio: short(median(values) / floor),
    goal: '1.3 x',
    isMet: median(values) <= floor * 1.3,
    detail,
  });
  return [
    line(
      '5,000 deals in a fresh client, from the database',
      found.cold,
      'median, from connecting to row objects',
    ),
    line('the same, when somebody had asked before', found.kept, 'median'),
  ];
}

const ageing = ({ ours }: Ground): string => `do $$ begin
  for n in 1..301 loop
    set local synchronous_commit = off;
    update crm.deals set priority = case priority when 'low' then 'high' else 'low' end where id = '${ours.board.deals.at(-1)}';
    commit;
  end loop;
end $$`;
