// `npm run sim -- --seeds 100 --from 1`: plays seeds and says what went wrong. A single seed is told in
// full; `--verbose` has every message, `--shrink` leaves out of a failing plan what can be left out,
// `--named` plays the runs of seeds.ts first, `--seconds` ends it in time.
import { parseArgs } from 'node:util';
import { prepare } from './prepare.ts';
import type { Plan } from './plan.ts';
import { seeds as named } from './seeds.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '0' },
    verbose: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    named: { type: 'boolean', default: false },
  },
});

const { play, planOf, shrink, realNow } = await prepare();
const write = (text: string): void => void process.stdout.write(`${text}\n`);
const began = realNow();
let [played, events, looks, failed] = [0, 0, 0, 0];

async function tell(name: string, plan: Plan, isAlone: boolean): Promise<void> {
  let result = await play(plan, { isVerbose: values.verbose });
  [played, events, looks] = [played + 1, events + result.events, looks + result.looks];
  const { violation } = result;
  if (!violation) return;
  failed += 1;
  write(`${name}: ${violation.message}`);
  if (values.shrink) {
    const fails = async (one: Plan) => (await play(one)).violation?.rule === violation.rule;
    const small = await shrink(plan, fails);
    result = await play(small, { isVerbose: values.verbose });
    write(JSON.stringify(small));
  }
  if (isAlone || values.shrink) result.trace.forEach(write);
}

const [first, count, budget] = [Number(values.from), Number(values.seeds), Number(values.seconds)];
for (const { name, plan } of values.named ? named : []) await tell(name, plan, false);
for (let seed = first; seed < first + count; seed += 1) {
  if (budget > 0 && realNow() - began > budget * 1_000) break;
  await tell(`seed ${seed}`, planOf(seed), count === 1);
}
const seconds = ((realNow() - began) / 1_000).toFixed(1);
write(`${played} runs, ${failed} failed, ${events} events, ${looks} looks, ${seconds} s`);
process.exit(failed > 0 ? 1 : 0);
