// `npm run sim -- --seeds 100 --from 1`: plays seeds and says what went wrong. A single seed is told in
// full; `--verbose` has every message, `--shrink` leaves out of a failing plan what can be left out.
import { parseArgs } from 'node:util';
import { prepare } from './prepare.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '0' },
    verbose: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
  },
});

const { play, planOf, shrink, realNow } = await prepare();
const write = (text: string): void => void process.stdout.write(`${text}\n`);
const [first, count, budget] = [values.from, values.seeds, values.seconds].map(Number) as [
  number,
  number,
  number,
];
const began = realNow();
let [played, events, checks, failed] = [0, 0, 0, 0];
for (let seed = first; seed < first + count; seed += 1) {
  if (budget > 0 && realNow() - began > budget * 1_000) break;
  let plan = planOf(seed);
  let result = await play(plan, { isVerbose: values.verbose });
  [played, events, checks] = [played + 1, events + result.events, checks + result.checks];
  const { violation } = result;
  if (violation) {
    failed += 1;
    write(`seed ${seed}: ${violation.message}`);
  }
  if (violation && values.shrink) {
    const { rule } = violation;
    plan = await shrink(plan, async (one) => (await play(one)).violation?.rule === rule);
    result = await play(plan, { isVerbose: values.verbose });
    write(JSON.stringify(plan));
  }
  if (violation && (count === 1 || values.shrink)) result.trace.forEach(write);
}
const seconds = ((realNow() - began) / 1_000).toFixed(1);
write(`${played} seeds, ${failed} failed, ${events} events, ${checks} looks, ${seconds} s`);
process.exit(failed > 0 ? 1 : 0);
