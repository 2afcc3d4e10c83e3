import type { Ground } from './ground.ts';
import { startWatchers } from './moving.ts';
import type { Line } from './report.ts';
import { median, short } from './statistics.ts';

const missed = 1_000;

/** Somebody comes back after a thousand moves: from connecting to having all of them. */
export async function reconnect(
  ground: Ground,
  { isQuick }: { isQuick: boolean },
): Promise<Line[]> {
  // One stays, so that the server goes on following the organization's log.
  const staying = startWatchers();
  const clients = startWatchers();
  const took: number[] = [];
  await staying.ask('open', { contestant: ground.ours, count: 1 });
  for (let round = 0; round < (isQuick ? 5 : 15); round++) {
    await clients.ask('leave', ground.ours);
    await ground.ask(moves(ground));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const back = await clients.ask('comeBack', ground.ours);
    if (back.missed !== missed) throw new Error(`${back.missed} of ${missed} changes came`);
    took.push(back.took);
  }
  await Promise.all([clients.end(), staying.end()]);
  return [
    {
      what: `back after ${missed} missed changes, from connecting`,
      ours: `${short(median(took))} ms`,
      floor: '',
      ratio: '',
      goal: '300 ms',
      isMet: median(took) <= 300,
      detail: `median of ${took.length}, worst ${short(Math.max(...took))} ms`,
    },
  ];
}

const moves = ({ ours }: Ground): string => `do $$ begin
  for n in 1..${missed} loop
    set local synchronous_commit = off;
    update crm.deals set priority = case priority when 'low' then 'high' else 'low' end
      where id = ('{${ours.board.deals.slice(0, 100).join(',')}}'::uuid[])[1 + n % 100];
    commit;
  end loop;
end $$`;
