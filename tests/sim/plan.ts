import { Random } from './random.ts';

/** What may happen in a run, and how often beside the others. */
const weights = {
  change: 34,
  burst: 5,
  write: 12,
  slowWrite: 4,
  largeWrite: 2,
  handOver: 5,
  follow: 4,
  roleChanges: 4,
  roleLevel: 3,
  teamChanges: 3,
  memberOff: 2,
  memberOn: 3,
  endSession: 1,
  cut: 6,
  stall: 2,
  offline: 2,
  closeTab: 3,
  openTab: 4,
  killNode: 3,
  crashDatabase: 1.5,
  restoreDatabase: 0.3,
  cutLog: 2,
  watch: 4,
  unwatch: 3,
  badFrames: 2,
  badRequests: 4,
} as const;

export type StepName = keyof typeof weights;

/** One thing that happens. `picks` say to whom and what, by share of what there is then. */
export interface Step {
  at: number;
  name: StepName;
  picks: number[];
}

export interface Plan {
  seed: number;
  nodes: number;
  tabs: number;
  isMixed: boolean;
  steps: Step[];
}

/**
 * What happens in the run of a seed, all of it or only what one is about; a plan with fewer steps is a run
 * as well.
 */
export function planOf(seed: number, about: readonly StepName[] = []): Plan {
  const random = new Random(seed);
  const nodes = 1 + random.below(2);
  const tabs = 2 + random.below(4);
  const isMixed = random.chance(0.3);
  const length = random.between(1_500, 9_000);
  const count = 8 + random.below(50);
  // A run is about some of it: faults that come alone are easier to meet than all at once.
  const allowed = (Object.keys(weights) as StepName[]).filter(
    (name) =>
      weights[name] >= 10 || (random.chance(0.55) && about.length === 0) || about.includes(name),
  );
  const sum = allowed.reduce((total, name) => total + weights[name], 0);
  const steps = Array.from({ length: count }, (): Step => {
    let left = random.next() * sum;
    const name = allowed.find((one) => (left -= weights[one]) < 0) ?? 'change';
    return {
      at: Math.round(random.next() * length),
      name,
      picks: Array.from({ length: 5 }, () => Math.floor(random.next() * 1_000) / 1_000),
    };
  });
  return { seed, nodes, tabs, isMixed, steps: steps.sort((a, b) => a.at - b.at) };
}
