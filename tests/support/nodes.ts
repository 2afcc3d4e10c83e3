import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { inject } from 'vitest';
import { createDatabase } from '#tests/support/database.ts';
import { freePort, startProgram, type Program } from '#tests/support/server.ts';

/** One of several processes of the same program. */
export interface TestNode {
  port: number;
  url: string;
  /** As kill -9 does; `start` brings it back on the same port. */
  kill(): Promise<void>;
  /** As a deployment does; resolves to the exit code. */
  stop(): Promise<number | null>;
  start(): Promise<void>;
  /** It stands still as it is, and goes on later as if nothing had been. */
  freeze(): void;
  thaw(): void;
  output(): string;
}

export interface TestNodes {
  web: TestNode[];
  jobs: TestNode;
  databaseUrl: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Two web nodes and a worker on one database with the demo in it, and one Redis. */
export async function startNodes({
  redisPort,
  databasePort,
  env = {},
}: {
  /** Where each node finds its Redis, and its Postgres where there is something between them. */
  redisPort: (node: number) => number;
  databasePort?: (node: number) => number;
  env?: Record<string, string>;
}): Promise<TestNodes> {
  const base = await createDatabase(inject('postgresUrl'));
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-nodes-'));
  const settings = {
    DATABASE_URL: base.url,
    DATA_DIR: dataDir,
    SECRET_KEYS: 'a-key-that-all-the-nodes-of-a-test-share',
    LOG_LEVEL: 'error',
    ...env,
  };
  const node = async (number: number, roles: string) => {
    const port = await freePort();
    const REDIS_URL = `redis://127.0.0.1:${redisPort(number)}`;
    const DATABASE_URL = databasePort ? atPort(base.url, databasePort(number)) : base.url;
    const DEMO = number === 0 ? '1' : '0';
    return startNode(port, { ...settings, DATABASE_URL, REDIS_URL, ROLES: roles, DEMO });
  };
  // The first fills the demo.
  const first = await node(0, 'web');
  const [second, jobs] = await Promise.all([node(1, 'web'), node(2, 'jobs')]);
  return {
    web: [first, second],
    jobs,
    databaseUrl: base.url,
    async [Symbol.asyncDispose]() {
      await Promise.all([first, second, jobs].map((one) => one.kill()));
      await base.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const atPort = (url: string, port: number): string =>
  Object.assign(new URL(url), { port: String(port) }).href;

async function startNode(port: number, env: Record<string, string>): Promise<TestNode> {
  let program: Program = await startProgram({ port, env });
  let said = '';
  const end = async (signal: NodeJS.Signals) => {
    const code = await program.end(signal);
    said += program.output();
    return code;
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    start: async () => void (program = await startProgram({ port, env })),
    freeze: () => void process.kill(program.pid, 'SIGSTOP'),
    thaw: () => void process.kill(program.pid, 'SIGCONT'),
    output: () => said + program.output(),
  };
}
