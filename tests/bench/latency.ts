import type { Contestant } from './contestants.ts';
import type { Ground } from './ground.ts';
import { moveAround, startMovers, startWatchers, type Round } from './moving.ts';
import type { Line } from './report.ts';
import { joined, median, percentile, short } from './statistics.ts';

/** One deal, moved twenty times a second: how long until everybody has it. */
export async function latency(ground: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  const lines: Line[] = [];
  const sizes = isQuick ? [1, 50, 500] : [1, 50, 500, 1_000];
  const rounds = isQuick ? 2 : 4;
  for (const count of sizes) {
    const found = { ours: [] as Round[], floor: [] as Round[] };
    const clients = {
      ours: await clientsOf(ground.ours, count),
      floor: await clientsOf(ground.floor, count),
    };
    // The first round warms both up and is thrown away.
    for (let round = 0; round <= rounds; round++) {
      for (const name of ['floor', 'ours'] as const) {
        const one = await moveAround(clients[name], ground[name], {
          perSecond: round === 0 ? 200 : 20,
          seconds: 5,
          deals: 1,
          writers: 4,
        });
        if (round > 0) found[name].push(one);
      }
    }
    for (const { movers, watchers } of Object.values(clients)) {
      await watchers.end();
      await movers.end();
    }
    lines.push(lineOf(count, found));
  }
  return lines;
}

async function clientsOf(contestant: Contestant, count: number) {
  const clients = { movers: startMovers(), watchers: startWatchers() };
  await clients.watchers.ask('open', { contestant, count });
  return clients;
}

function lineOf(count: number, { ours, floor }: { ours: Round[]; floor: Round[] }): Line {
  const p99 = (rounds: Round[]): number => median(rounds.map(({ took }) => percentile(took, 0.99)));
  const p50 = (rounds: Round[]): number => percentile(joined(rounds.map(({ took }) => took)), 0.5);
  const all = [...ours, ...floor];
  const failed = all.flatMap(({ failures }) => failures);
  const missing = ours.reduce((sum, round) => sum + round.missing + round.gaps + round.lost, 0);
  const ratio = p99(ours) / p99(floor);
  return {
    what: `move seen, p99 of ${count} watcher${count === 1 ? '' : 's'}`,
    ours: `${short(p99(ours))} ms`,
    floor: `${short(p99(floor))} ms`,
    ratio: short(ratio),
    goal: '2 x',
    isMet: ratio <= 2 && missing === 0 && failed.length === 0,
    detail: `p50 ${short(p50(ours))} and ${short(p50(floor))} ms; answered p99 ${short(median(ours.map(({ answers }) => percentile(answers, 0.99))))} ms; missing ${missing}${failed[0] ? `; ${failed.length} failed: ${failed[0]}` : ''}`,
  };
}
