import { takeOverGlobals } from './globals.ts';
import { startHooks } from './hooks.ts';

/** Loads the simulator; from then on this process has no time and no network of its own. */
export async function prepare() {
  const realNow = performance.now.bind(performance);
  startHooks();
  const { play } = await import('./run.ts');
  const { planOf } = await import('./plan.ts');
  const { shrink } = await import('./shrink.ts');
  const { buildOf } = await import('./builds.ts');
  await Promise.all([buildOf('now'), buildOf('next')]);
  takeOverGlobals();
  return { play, planOf, shrink, realNow };
}
