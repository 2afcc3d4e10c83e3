import type { Contestant } from './contestants.ts';
import type { Ground } from './ground.ts';
import { moveAround, startMovers, startWatchers, type Clients, type Round } from './moving.ts';
import type { Line } from './report.ts';
import { percentile, short } from './statistics.ts';

const watching = 1_000;
/** A rate that the floor no longer sustains, in milliseconds of its p99. */
const limit = 250;

/** A thousand watchers at three quarters of the highest rate that the floor sustains with them. */
export async function crowd(ground: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  const seconds = isQuick ? 4 : 10;
  const highest = await withCrowd(ground.floor, (clients) => climb(clients, ground.floor, seconds));
  const perSecond = Math.max(1, Math.floor(highest * 0.75));
  const at = (contestant: Contestant): Promise<Round> =>
    withCrowd(contestant, (clients) =>
      moveAround(clients, contestant, { perSecond, seconds, deals: 400, writers: 16 }),
    );
  const floor = await at(ground.floor);
  const ours = await at(ground.ours);
  const [p99, theirs] = [percentile(ours.took, 0.99), percentile(floor.took, 0.99)];
  const wrong = ours.missing + ours.gaps + ours.lost + ours.failures.length;
  return [
    {
      what: `moves seen by ${watching} watchers, ${perSecond} a second`,
      ours: `${short(p99)} ms`,
      floor: `${short(theirs)} ms`,
      ratio: short(p99 / theirs),
      goal: '2 x',
      isMet: p99 <= theirs * 2 && wrong === 0 && ours.perSecond > perSecond * 0.95,
      detail:
        `the floor sustains ${highest} a second; p50 ${short(percentile(ours.took, 0.5))} and ` +
        `${short(percentile(floor.took, 0.5))} ms; ${short(ours.perSecond)} a second done, wrong ${wrong}`,
    },
  ];
}

async function withCrowd<T>(
  contestant: Contestant,
  run: (clients: Clients) => Promise<T>,
): Promise<T> {
  const clients = { movers: startMovers(), watchers: startWatchers() };
  try {
    await clients.watchers.ask('open', { contestant, count: watching });
    await moveAround(clients, contestant, { perSecond: 10, seconds: 2, deals: 400, writers: 16 });
    return await run(clients);
  } finally {
    await clients.watchers.end();
    await clients.movers.end();
  }
}

/** The highest rate at which every delivery arrives in time. */
async function climb(clients: Clients, floor: Contestant, seconds: number): Promise<number> {
  let highest = 0;
  for (let perSecond = 20; ; perSecond += 20) {
    const pace = { perSecond, seconds, deals: 400, writers: 16 };
    const { took, missing, perSecond: done } = await moveAround(clients, floor, pace);
    const p99 = percentile(took, 0.99);
    console.error(
      `  floor ${perSecond}/s: ${short(done)}/s done, p99 ${short(p99)} ms, missing ${missing}`,
    );
    if (missing > 0 || p99 > limit || done < perSecond * 0.95) return highest;
    highest = perSecond;
  }
}
