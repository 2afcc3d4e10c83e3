import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { churn } from './churn.ts';
import { crowd } from './crowd.ts';
import { drag } from './drag.ts';
import { makeGround, type Ground } from './ground.ts';
import { latency } from './latency.ts';
import { lists } from './lists.ts';
import { memory } from './memory.ts';
import { notifications } from './notifications.ts';
import { rate } from './rate.ts';
import { reconnect } from './reconnect.ts';
import { markdown, type Line } from './report.ts';
import { snapshot } from './snapshot.ts';
import { throughput } from './throughput.ts';
import { wire } from './wire.ts';

const suites: Record<string, (ground: Ground, options: { isQuick: boolean }) => Promise<Line[]>> = {
  latency,
  rate,
  crowd,
  snapshot,
  wire,
  memory,
  bundle,
  drag,
  reconnect,
  lists,
  notifications,
  throughput,
};

/** Not run unless named. */
const long: typeof suites = { churn };

const help = `Measures the product beside a floor: bare Socket.IO with one UPDATE on the same Postgres.

  npm run bench -- [--only latency,rate,snapshot,wire,memory,bundle,drag,…] [--quick] [--profile FOLDER]

Suites: ${Object.keys(suites).join(', ')}; and ${Object.keys(long).join(', ')}, which takes an hour and only runs where it is named.
Prints a table; ends with 1 when a goal is missed. --profile writes a processor profile of the server.
`;

async function bench(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(help);
  const names = values.only?.split(',') ?? Object.keys(suites);
  const known = { ...suites, ...long };
  const unknown = names.find((name) => !known[name]);
  if (unknown) throw new Error(`There is no suite ${unknown}.\n\n${help}`);
  const ground = await makeGround(values);
  const lines: Line[] = [];
  try {
    for (const name of names) {
      process.stderr.write(`${name}…\n`);
      lines.push(...((await known[name]?.(ground, { isQuick: values.quick })) ?? []));
    }
  } finally {
    await ground.end();
  }
  process.stdout.write(`\n${machine(ground)}\n\n${markdown(lines)}\n`);
  if (lines.some(({ isMet }) => !isMet)) process.exitCode = 1;
}

function machine({ postgres }: Ground): string {
  const [first] = cpus();
  return (
    `${cpus().length} cores (${first?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB; ` +
    `Node ${process.versions.node}, PostgreSQL ${postgres}; everything on this one machine; ` +
    `${new Date().toISOString().slice(0, 10)}`
  );
}

bench().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
