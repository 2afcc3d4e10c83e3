import { fileURLToPath } from 'node:url';
import type { Contestant } from './contestants.ts';
import type { movers } from './movers.ts';
import { Program } from './programs.ts';
import type { watchers } from './watchers.ts';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const startMovers = (): Program<typeof movers> => new Program(file('movers.ts'));
export const startWatchers = (): Program<typeof watchers> => new Program(file('watchers.ts'));

export interface Clients {
  movers: Program<typeof movers>;
  watchers: Program<typeof watchers>;
}

export interface Round {
  /** Milliseconds from each move's sending to each watcher's having it. */
  took: Float64Array;
  answers: Float64Array;
  perSecond: number;
  missing: number;
  gaps: number;
  lost: number;
  failures: string[];
}

let moves = 0;

/** Moves for a while and says what the watchers, who are there already, saw. */
export async function moveAround(
  { movers, watchers }: Clients,
  contestant: Contestant,
  pace: { perSecond: number; seconds: number; deals: number; writers: number },
): Promise<Round> {
  const first = moves;
  await watchers.ask('clear', undefined);
  const { sentAt, ...made } = await movers.ask('move', { contestant, first, ...pace });
  moves += sentAt.length;
  // What has not arrived three seconds after the last answer counts as missing.
  for (let waited = 0; ; waited += 100) {
    const seen = await watchers.ask('seen', { first, sentAt });
    if (seen.missing === 0 || waited >= 3_000) return { ...made, ...seen };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
