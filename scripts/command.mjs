// `node scripts/command.mjs FILE arguments…` sets up a clone, then runs FILE on the Node that comes with
// the packages. Nothing but FILE writes to standard output.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeProgram, programPath, setup } from './setup.mjs';

const top = fileURLToPath(new URL('..', import.meta.url));
const [file = '', ...args] = process.argv.slice(2);

setup('command');
// npm runs scripts from the top; a file named on the command line is meant from where one stands.
const cwd = process.env.INIT_CWD ?? process.cwd();
const child = spawn(nodeProgram, [path.join(top, file), ...args], {
  cwd,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: programPath(),
    DATA_DIR: path.resolve(top, process.env.DATA_DIR || '.data'),
  },
});
process.on('SIGINT', () => child.kill('SIGINT'));
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
child.on('close', (code) => (process.exitCode = code ?? 1));
