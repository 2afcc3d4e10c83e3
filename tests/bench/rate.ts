import type { Contestant } from './contestants.ts';
import type { Ground } from './ground.ts';
import { moveAround, startMovers, startWatchers, type Round } from './moving.ts';
import type { Line } from './report.ts';
import { percentile, short } from './statistics.ts';

const limit = 250;

/** The highest rate of moves that fifty watchers still see within 250 ms. */
export async function rate(ground: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  const ours = await highest(ground.ours, isQuick);
  const floor = await highest(ground.floor, isQuick);
  return [
    {
      what: 'moves a second, 50 watchers, p99 below 250 ms',
      ours: short(ours.perSecond),
      floor: short(floor.perSecond),
      ratio: short(ours.perSecond / floor.perSecond),
      goal: '600, better 1,000',
      isMet: ours.perSecond >= 600,
      detail: `p50 ${short(ours.p50)} ms, p99 ${short(ours.p99)} ms at that rate; next: ${ours.next}`,
    },
  ];
}

interface Found {
  perSecond: number;
  p50: number;
  p99: number;
  next: string;
}

async function highest(contestant: Contestant, isQuick: boolean): Promise<Found> {
  const clients = { movers: startMovers(), watchers: startWatchers() };
  const found: Found = { perSecond: 0, p50: Number.NaN, p99: Number.NaN, next: '' };
  try {
    await clients.watchers.ask('open', { contestant, count: 50 });
    const pace = { seconds: isQuick ? 3 : 6, deals: 400, writers: 32 };
    await moveAround(clients, contestant, { ...pace, perSecond: 200 });
    let failures = 0;
    for (let perSecond = 400; failures < 2; perSecond += perSecond < 1_600 ? 100 : 200) {
      const round = await moveAround(clients, contestant, { ...pace, perSecond });
      const p99 = percentile(round.took, 0.99);
      console.error(`  ${contestant.name} ${perSecond}/s: ${describe(round)}`);
      if (isGood(round) && round.perSecond > perSecond * 0.95) {
        Object.assign(found, { perSecond, p99, p50: percentile(round.took, 0.5), next: '' });
        failures = 0;
      } else {
        // Others use this machine too: a rate is out of reach when it fails twice.
        failures += 1;
        found.next = `${perSecond}/s: ${describe(round)}`;
        if (failures < 2) perSecond -= perSecond < 1_600 ? 100 : 200;
      }
    }
    return found;
  } finally {
    await clients.watchers.end();
    await clients.movers.end();
  }
}

const isGood = ({ took, missing, gaps, lost, failures }: Round): boolean =>
  missing + gaps + lost + failures.length === 0 && percentile(took, 0.99) < limit;

const describe = ({ took, perSecond, missing, gaps, lost, failures }: Round): string =>
  `${short(perSecond)}/s done, p50 ${short(percentile(took, 0.5))} ms, p99 ${short(percentile(took, 0.99))} ms, ` +
  `missing ${missing + gaps + lost}, failed ${failures.length}${failures[0] ? ` (${failures[0]})` : ''}`;
