/* `npm run sim -- --seeds 100 --from 1`: plays seeds and says what went wrong. */
import { parseArgs } from 'node:util';
import { takeOverGlobals } from './globals.ts';
import { startHooks } from './hooks.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '0' },
  },
});

const write = (text: string): void => void process.stdout.write(`${text}\n`);
const realNow = performance.now.bind(performance);

startHooks();
const { play } = await import('./run.ts');
const { planOf } = await import('./plan.ts');
const { buildOf } = await import('./builds.ts');
await Promise.all([buildOf('now'), buildOf('next')]);
takeOverGlobals();

const began = realNow();
let [played, events, checks, failed] = [0, 0, 0, 0];
const first = Number(values.from);
const budget = Number(values.seconds) * 1_000;
for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
  if (budget > 0 && realNow() - began > budget) break;
  const result = await play(planOf(seed));
  [played, events, checks] = [played + 1, events + result.events, checks + result.checks];
  if (!result.violation) continue;
  failed += 1;
  write(`seed ${seed}: ${result.violation.message}`);
  if (Number(values.seeds) === 1) result.trace.forEach(write);
}
const seconds = (realNow() - began) / 1_000;
write(
  `${played} seeds, ${failed} failed, ${events} events, ${checks} looks, ${seconds.toFixed(1)} s`,
);
process.exit(failed > 0 ? 1 : 0);
