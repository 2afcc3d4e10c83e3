// `npm run sim:planted -- --seeds 400 --only cursor`: plants one known mistake after the other and says at
// which seed it was found. The last word of a line is the rule that was broken, or `unseen`.
import { parseArgs } from 'node:util';
import { prepare } from './prepare.ts';
import { planted } from './planted.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '600' },
    only: { type: 'string', default: '' },
  },
});

const { play, planOf, realNow } = await prepare();
let unseen = 0;
for (const mistake of planted.filter(({ name }) => name.includes(values.only))) {
  const began = realNow();
  const first = mistake.from ?? 1;
  let [seed, rule] = [first - 1, 'unseen'];
  while (rule === 'unseen' && seed < first + Number(values.seeds)) {
    seed += 1;
    const plan = planOf(seed, mistake.about);
    rule = (await play(plan, { planted: mistake })).violation?.rule ?? 'unseen';
  }
  if (rule === 'unseen') unseen += 1;
  const seconds = ((realNow() - began) / 1_000).toFixed(1);
  process.stdout.write(`${mistake.name}; seed ${seed}, ${seconds} s: ${rule}\n`);
}
process.exit(unseen > 0 ? 1 : 0);
