// `npm run check`: everything about the code that can be checked without running it. All checks run, each
// is named, and the last line counts them; the exit code is 1 when one fails.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { programPath, setup } from './setup.mjs';

/** @type {{ name: string, command: string[] }[]} */
const checks = [
  { name: 'types', command: ['npm', 'run', '--silent', 'types'] },
  { name: 'lint and import rules', command: ['eslint', '.', '--max-warnings', '0'] },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'unused code', command: ['knip', '--no-progress', '--no-config-hints'] },
  { name: 'row types', command: ['node', 'db/generate-types.ts', '--check'] },
];

setup('command');
let failed = 0;
for (const { name, command } of checks) {
  const began = Date.now();
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, PATH: programPath(), NO_COLOR: '1' },
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 64 * 1024 * 1024,
  });
  const isWrong = status !== 0;
  if (isWrong) failed += 1;
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${isWrong ? '✗' : '✓'} ${name} (${seconds} s)\n`);
  if (isWrong) process.stdout.write(`${stdout ?? ''}${stderr ?? ''}\n`);
}
process.stdout.write(`checks: ${checks.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
