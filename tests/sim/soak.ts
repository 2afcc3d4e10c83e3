// `npm run soak -- --seconds 3600`: plays seeds from where it stopped the last time, towards a million, and
// keeps the tally in DATA_DIR.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.ts';

interface Tally {
  /** The seed that comes next. */
  next: number;
  seconds: number;
  events: number;
  failed: { seed: number; message: string }[];
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    until: { type: 'string', default: '1000000' },
  },
});
const folder = process.env['DATA_DIR'] || '.data';
const file = path.join(folder, 'soak.json');
const write = (text: string): void => void process.stdout.write(`${text}\n`);

function read(): Tally {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Tally;
  } catch {
    return { next: 1, seconds: 0, events: 0, failed: [] };
  }
}

const { play, planOf, realNow } = await prepare();
mkdirSync(folder, { recursive: true });
const tally = read();
const began = realNow();
const earlier = tally.seconds;
const passed = (): number => (realNow() - began) / 1_000;
const keep = (): void => {
  tally.seconds = Math.round(earlier + passed());
  writeFileSync(file, `${JSON.stringify(tally, null, 2)}\n`);
};
while (tally.next <= Number(values.until) && passed() < Number(values.seconds)) {
  const seed = tally.next;
  const { violation, events } = await play(planOf(seed));
  tally.next += 1;
  tally.events += events;
  if (violation) {
    tally.failed.push({ seed, message: violation.message });
    write(`seed ${seed}: ${violation.message}`);
  }
  if (seed % 500 === 0) keep();
}
keep();
write(`${tally.next - 1} seeds so far, ${tally.failed.length} failed, ${tally.seconds} s in all`);
process.exit(0);
