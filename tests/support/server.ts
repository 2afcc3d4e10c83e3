import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { createDatabase } from '#tests/support/database.ts';

const TOP = fileURLToPath(new URL('../..', import.meta.url));

export interface TestServer {
  url: string;
  port: number;
  /** The superuser's address. */
  databaseUrl: string;
  /** Everything the server has written so far. */
  output(): string;
  /** Ends it as Ctrl-C does, and drops its database; resolves to the exit code. */
  stop(): Promise<number | null>;
  /** Ends it as kill -9 does; the database stays, and `restart` starts it again on the same port. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends its database connections and lets none in, as if the database had gone; `letIn` undoes it. */
  lockOut(): Promise<void>;
  letIn(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Settings = Record<string, string>;

interface Options {
  /** Fill the demo organization. */
  demo?: boolean;
  env?: Settings | ((settings: { DATABASE_URL: string }) => Settings);
  /** The Postgres to make the database in; a test has the run's own by default. */
  postgresUrl?: string;
  /** Run another build of the program, for instance a fresh clone. */
  folder?: string;
}

/** The real program on a random port, with a migrated database of its own; resolves when it is ready. */
export async function startServer({
  demo = false,
  env = {},
  postgresUrl = inject('postgresUrl'),
  folder = TOP,
}: Options = {}): Promise<TestServer> {
  const base = await createDatabase(postgresUrl);
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-server-'));
  const port = await freePort();
  const settings = { DATABASE_URL: base.url, DATA_DIR: dataDir, DEMO: demo ? '1' : '0' };
  const start = () =>
    startProgram({
      folder,
      port,
      env: { ...settings, ...(typeof env === 'function' ? env(settings) : env) },
    });
  let program = await start();
  const stop = async () => {
    const code = await program.end('SIGTERM');
    await base.drop();
    await rm(dataDir, { recursive: true, force: true });
    return code;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    databaseUrl: base.url,
    output: () => program.output(),
    stop,
    kill: async () => void (await program.end('SIGKILL')),
    restart: async () => void (program = await start()),
    lockOut: () => base.allow(false),
    letIn: () => base.allow(true),
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

export interface Program {
  pid: number;
  output(): string;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** server/main.ts as a process of its own, with no setting but these; resolves when it is ready. */
export async function startProgram({
  folder = TOP,
  port,
  env,
}: {
  folder?: string;
  port: number;
  env: Record<string, string>;
}): Promise<Program> {
  const child = spawn(process.execPath, ['server/main.ts'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null) child.kill(signal);
    return ended;
  };
  await becomeReady(child, port, () => output).catch(async (error: unknown) => {
    await end('SIGKILL');
    throw error;
  });
  return { pid: child.pid ?? 0, output: () => output, end };
}

async function becomeReady(child: ChildProcess, port: number, output: () => string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`The server ended:\n${output()}`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(30);
  }
  throw new Error(`The server was not ready within a minute:\n${output()}`);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
