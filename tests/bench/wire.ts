import type { Contestant } from './contestants.ts';
import type { Ground } from './ground.ts';
import { moveAround, startMovers, startWatchers } from './moving.ts';
import type { Line } from './report.ts';
import { short } from './statistics.ts';

/** Bytes read from the connection for a move: the frame's payload, its header, and the pings between. */
export async function wire(ground: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  const seconds = isQuick ? 3 : 10;
  const alone = await perMove(ground.ours, { totals: false, seconds });
  const withTotals = await perMove(ground.ours, { totals: true, seconds });
  const floor = await perMove(ground.floor, { totals: false, seconds });
  return [
    {
      what: 'bytes on the wire for a move and watcher',
      ours: short(alone),
      floor: short(floor),
      ratio: short(alone / floor),
      goal: '200 B',
      isMet: alone <= 200,
      detail: `${short(withTotals)} with the totals of two stages`,
    },
  ];
}

async function perMove(
  contestant: Contestant,
  { totals, seconds }: { totals: boolean; seconds: number },
): Promise<number> {
  const clients = { movers: startMovers(), watchers: startWatchers() };
  await clients.watchers.ask('open', { contestant, count: 1, totals });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const before = await clients.watchers.ask('bytes', undefined);
  const { answers } = await moveAround(clients, contestant, {
    perSecond: 20,
    seconds,
    deals: 10,
    writers: 4,
  });
  const after = await clients.watchers.ask('bytes', undefined);
  await clients.watchers.end();
  await clients.movers.end();
  return (after - before) / answers.length;
}
