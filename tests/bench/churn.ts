import type { Ground } from './ground.ts';
import { moveAround, startMovers, startWatchers } from './moving.ts';
import type { Line } from './report.ts';
import { short } from './statistics.ts';

const watching = 90;
const megabyte = 2 ** 20;

interface Sample {
  minute: number;
  heap: number;
  resident: number;
}

/** An hour in which browsers come and go and deals move: whether the server's memory stays what it was. */
export async function churn(ground: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  const minutes = isQuick ? 6 : 60;
  const clients = { movers: startMovers(), watchers: startWatchers() };
  const samples: Sample[] = [];
  let [comings, missing] = [watching, 0];
  try {
    await clients.watchers.ask('open', { contestant: ground.ours, count: watching });
    const began = performance.now();
    for (let minute = 0; minute < minutes; minute = (performance.now() - began) / 60_000) {
      const pace = { perSecond: 20, seconds: 8, deals: 400, writers: 8 };
      const round = await moveAround(clients, ground.ours, pace);
      missing += round.missing + round.gaps + round.lost + round.failures.length;
      await clients.watchers.ask('renew', { contestant: ground.ours, count: 30 });
      comings += 30;
      if (minute < samples.length) continue;
      const { heap, resident } = await ground.servers.ours.ask('memory', undefined);
      samples.push({ minute, heap: heap / megabyte, resident: resident / megabyte });
      process.stderr.write(`  minute ${short(minute)}: ${short(heap / megabyte)} MB\n`);
    }
  } finally {
    await clients.watchers.end();
    await clients.movers.end();
  }
  // The log's memory of what has just happened and the compiled code grow at first, up to a limit each.
  const settled = samples.slice(Math.floor(samples.length / 2));
  const level = mean(settled.map(({ heap }) => heap));
  const growth = slope(settled, 'heap') * 60;
  return [
    {
      what: `server memory over ${minutes} minutes of coming and going`,
      ours: `${short(growth)} MB an hour`,
      floor: '',
      ratio: short(growth / level),
      goal: 'flat: below a twentieth of what it holds',
      isMet: missing === 0 && growth < level / 20,
      detail:
        `${comings} connections came, heap ${short(level)} MB, resident ` +
        `${short(slope(settled, 'resident') * 60)} MB an hour; missing ${missing}`,
    },
  ];
}

const mean = (values: number[]): number =>
  values.reduce((sum, one) => sum + one, 0) / values.length;

/** Megabytes a minute, by least squares. */
function slope(samples: Sample[], of: 'heap' | 'resident'): number {
  const x = mean(samples.map(({ minute }) => minute));
  const y = mean(samples.map((sample) => sample[of]));
  const spread = samples.map(({ minute }) => (minute - x) ** 2);
  const rise = samples.map((sample) => (sample.minute - x) * (sample[of] - y));
  return rise.reduce((sum, one) => sum + one, 0) / spread.reduce((sum, one) => sum + one, 0);
}
