import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { planted } from './planted.ts';
import { seeds } from './seeds.ts';

/** The simulator takes over the clock of its process, so it has one of its own. */
async function simulate(file: string, ...options: string[]): Promise<string> {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [program, ...options]);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output += String(chunk)));
  await new Promise((resolve) => child.on('close', resolve));
  return output;
}

describe('the live engine, simulated', () => {
  test('every run that once went wrong goes well, and so do many others', async () => {
    const output = await simulate('main.ts', '--named', '--seeds', '1000', '--seconds', '90');
    const runs = Number(/^(\d+) runs, 0 failed/m.exec(output)?.[1]);
    expect(runs, output).toBeGreaterThan(seeds.length + 50);
  }, 240_000);

  test('every known mistake turns it red', async () => {
    const output = await simulate('planted-main.ts');
    const lines = output.split('\n');
    const seen = planted.filter(({ name }) =>
      lines.some((line) => line.startsWith(name) && !line.endsWith('unseen')),
    );
    expect(
      seen.map(({ name }) => name),
      output,
    ).toEqual(planted.map(({ name }) => name));
  }, 400_000);
});
