import type { Contestant } from './contestants.ts';
import type { Ground } from './ground.ts';
import { startWatchers } from './moving.ts';
import type { Line } from './report.ts';
import { short } from './statistics.ts';

/** What another open board costs the server: the slope from 100 to 1,000, after garbage collections. */
export async function memory(ground: Ground): Promise<Line[]> {
  const floor = await slope(ground, ground.floor);
  const ours = await slope(ground, ground.ours);
  const ratio = ours.heap / floor.heap;
  return [
    {
      what: 'server memory for a connection',
      ours: `${short(ours.heap)} KB`,
      floor: `${short(floor.heap)} KB`,
      ratio: short(ratio),
      goal: '2 x',
      isMet: ratio <= 2,
      detail: `heap and buffers; resident ${short(ours.resident)} and ${short(floor.resident)} KB`,
    },
  ];
}

async function slope(
  { servers }: Ground,
  contestant: Contestant,
): Promise<{ heap: number; resident: number }> {
  const watchers = startWatchers();
  const server = servers[contestant.name];
  const at = async (count: number) => {
    await watchers.ask('open', { contestant, count });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    return server.ask('memory', undefined);
  };
  const few = await at(100);
  const many = await at(1_000);
  await watchers.end();
  const each = (from: number, to: number): number => (to - from) / 900 / 1024;
  return { heap: each(few.heap, many.heap), resident: each(few.resident, many.resident) };
}
