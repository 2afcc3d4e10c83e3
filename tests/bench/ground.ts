import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { connect } from '#db/connect.ts';
import { startEmbedded } from '#db/embedded.ts';
import { startSession } from '#server/auth/sessions.ts';
import { readConfig } from '#server/config.ts';
import { createLog } from '#server/log.ts';
import { columnsOf } from '#lib/shared/entities.ts';
import { freePort } from './free-port.ts';
import type { Board, Contestant } from './contestants.ts';
import { Program } from './programs.ts';
import type { probe } from './probe.ts';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const quiet = { info: () => undefined, warn: console.warn, error: console.error };

export type ServerProgram = Program<typeof probe>;

/** Both servers on one Postgres, with the same deals. */
export interface Ground {
  ours: Contestant;
  floor: Contestant;
  servers: Record<Contestant['name'], ServerProgram>;
  postgres: string;
  /** The superuser's address of the database of ours. */
  url: string;
  /** As the superuser, in the database of ours. */
  ask(statement: string): Promise<void>;
  /** Cookies of people by their addresses, as a browser has them. */
  signIn(emails: string[]): Promise<string[]>;
  end(): Promise<void>;
}

export async function makeGround({ profile }: { profile?: string | undefined }): Promise<Ground> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-bench-'));
  // Postgres runs as another user where this one is root.
  await chmod(dataDir, 0o755);
  const postgres = await startEmbedded({ dataDir, log: quiet });
  const oursUrl = postgres.url;
  const floorUrl = postgres.url.replace(/\/syncline$/, '/floor');
  const ports = { ours: await freePort(), floor: await freePort() };
  const servers: Partial<Ground['servers']> = {};
  const client = new pg.Client(oursUrl);
  await client.connect();
  const end = async () => {
    for (const server of Object.values(servers)) await server.end();
    await client.end();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    servers.ours = start('server/main.ts', {
      env: {
        HOST: '127.0.0.1',
        PORT: String(ports.ours),
        DATABASE_URL: oursUrl,
        DATA_DIR: dataDir,
        DEMO: '1',
        LOG_LEVEL: 'warn',
      },
      profile,
    });
    await ready(servers.ours, ports.ours);
    const { boards, organization } = await fillDeals(client);
    await copyToFloor(client, floorUrl);
    await writeMuch(client);
    servers.floor = start(file('floor.ts'), {
      env: { PORT: String(ports.floor), DATABASE_URL: floorUrl },
    });
    await ready(servers.floor, ports.floor);
    const people = await signIn(oursUrl, dataDir, administratorSellerViewer);
    const { rows } = await client.query<{ version: string }>(
      "select split_part(version(), ' ', 2) as version",
    );
    const contestant = (name: Contestant['name']): Contestant => ({
      name,
      port: ports[name],
      organization,
      people,
      ...boards,
    });
    return {
      ours: contestant('ours'),
      floor: contestant('floor'),
      servers: { ours: servers.ours, floor: servers.floor },
      postgres: rows[0]?.version ?? '',
      url: oursUrl,
      ask: async (statement) => void (await client.query(statement)),
      signIn: (emails) => signIn(oursUrl, dataDir, emails),
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function start(
  program: string,
  { env, profile }: { env: Record<string, string>; profile?: string | undefined },
): ServerProgram {
  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
  return new Program(program, { env, execArgv: ['--import', file('probe.ts'), ...profiling] });
}

async function ready(server: ServerProgram, port: number): Promise<void> {
  for (let tries = 0; tries < 600 && !server.hasEnded; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer) return;
    await sleep(50);
  }
  throw new Error(`A server did not start:\n${server.said()}`);
}

/** In the demo organization: a pipeline whose 500 deals are moved, and one of 5,000 that are loaded. */
async function fillDeals(
  client: pg.Client,
): Promise<{ boards: Pick<Contestant, 'board' | 'large'>; organization: string }> {
  await client.query('set search_path = crm');
  const { rows } = await client.query<{ org: string; slug: string; member: string }>(
    `select o.id as org, o.slug, m.id as member from organizations o join members m on m.organization_id = o.id
     where m.email = 'boris@demo.test'`,
  );
  const { org = '', slug: organization = '', member } = rows[0] ?? {};
  const board = async (name: string, count: number): Promise<Board> => {
    const made = await client.query<{ id: string }>(
      `insert into pipelines (organization_id, name, position) values ($1, $2, 'z' || $2) returning id`,
      [org, name],
    );
    const pipelineId = made.rows[0]?.id ?? '';
    const stages = await client.query<{ id: string }>(
      `insert into stages (organization_id, pipeline_id, name, probability, position)
       select $1, $2, 'Stage ' || n, n * 20, 'a' || n from generate_series(1, 4) n returning id`,
      [org, pipelineId],
    );
    const stageIds = stages.rows.map(({ id }) => id);
    const deals = await client.query<{ id: string }>(
      `insert into deals (organization_id, pipeline_id, stage_id, rank, title, description, value, currency, owner_id,
         opened_on, expected_close_on, tags)
       select $1, $2, ($3::uuid[])[1 + n % 4], 'a' || lpad(n::text, 5, '0'), 'Deal ' || n || ' with a title of usual length',
         'What was said on the telephone, in a sentence or two.', n * 1000, 'USD', $4,
         date '2026-01-01' + n % 300, date '2026-06-01' + n % 300, array['tag' || n % 7]
       from generate_series(1, $5::int) n returning id`,
      [org, pipelineId, stageIds, member, count],
    );
    return { pipelineId, stages: stageIds, deals: deals.rows.map(({ id }) => id) };
  };
  const boards = { board: await board('Moved', 500), large: await board('Loaded', 5_000) };
  await client.query('analyze');
  return { boards, organization };
}

/** The same rows with the same columns, and nothing else of ours. */
async function copyToFloor(from: pg.Client, url: string): Promise<void> {
  await from.query('create database floor');
  const to = new pg.Client(url);
  await to.connect();
  const columns = columnsOf('deals').map((name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  );
  const { rows } = await from.query<{ row: string }>(
    `select to_jsonb(d) as row from (select ${columns.join(', ')} from deals) d`,
  );
  const { rows: types } = await from.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'crm.deals'::regclass`,
  );
  const typed = columns.map(
    (name) => `${name} ${types.find((column) => column.name === name)?.type ?? 'text'}`,
  );
  await to.query(`create table deals (${typed.join(', ')}, primary key (id))`);
  await to.query('insert into deals select * from jsonb_populate_recordset(null::deals, $1)', [
    JSON.stringify(rows.map(({ row }) => row)),
  ]);
  await to.query('create index on deals (pipeline_id, state, stage_id, rank)');
  await to.query('analyze');
  await to.end();
}

/**
 * A new database makes each file of its log when it comes to it, which stops whoever commits for 60 ms or
 * more. One that has lived a while has files to use again, and so has this one.
 */
async function writeMuch(client: pg.Client): Promise<void> {
  await client.query(
    `select count(pg_logical_emit_message(false, '', repeat('x', 1000000))) from generate_series(1, 640)`,
  );
  await client.query('checkpoint');
}

const administratorSellerViewer = ['anna', 'boris', 'vera'].map((name) => `${name}@demo.test`);

async function signIn(url: string, dataDir: string, emails: string[]): Promise<string[]> {
  const config = readConfig({ DATA_DIR: dataDir, DATABASE_URL: url });
  const { db, pool, close } = connect({ url, max: 1, name: 'bench' });
  try {
    const people: string[] = [];
    for (const email of emails) {
      const user = await db
        .selectFrom('platform.users')
        .select('id')
        .where('email', '=', email)
        .executeTakeFirstOrThrow();
      const cookie = await startSession(
        { config, db, pool, log: createLog(config) },
        { userId: user.id, userAgent: null, ip: null },
      );
      people.push(`${cookie.name}=${cookie.value}`);
    }
    return people;
  } finally {
    await close();
  }
}
