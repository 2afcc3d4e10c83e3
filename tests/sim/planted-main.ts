// `npm run sim:planted -- --seeds 400 --only cursor`: plants one known mistake after the other and says after
// how many runs it was found. The last word of a line is the rule that was broken, or `unseen`.
import { parseArgs } from 'node:util';
import { prepare } from './prepare.ts';
import { planted } from './planted.ts';
import type { Plan } from './plan.ts';
import type { Planted } from './run.ts';
import { seeds as named } from './seeds.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '600' },
    only: { type: 'string', default: '' },
  },
});

const { play, planOf, realNow } = await prepare();

/** The runs that once went wrong, then as many of what the mistake is about as are asked for. */
function* plansFor({ about, from = 1 }: Planted): Generator<Plan> {
  for (const { plan } of named) yield plan;
  for (let seed = from; seed < from + Number(values.seeds); seed += 1) yield planOf(seed, about);
}

let unseen = 0;
for (const mistake of planted.filter(({ name }) => name.includes(values.only))) {
  const began = realNow();
  let [runs, rule] = [0, 'unseen'];
  for (const plan of plansFor(mistake)) {
    runs += 1;
    rule = (await play(plan, { planted: mistake })).violation?.rule ?? 'unseen';
    if (rule !== 'unseen') break;
  }
  if (rule === 'unseen') unseen += 1;
  const seconds = ((realNow() - began) / 1_000).toFixed(1);
  process.stdout.write(`${mistake.name}; ${runs} runs, ${seconds} s: ${rule}\n`);
}
process.exit(unseen > 0 ? 1 : 0);
