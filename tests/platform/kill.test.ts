import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { askEmbedded, killPostgres as killPostgresOf } from '#tests/support/postmaster.ts';
import { freePort, type Program, startProgram } from '#tests/support/server.ts';

const MOVES = 1000;
const WRITERS = 8;
// Each after another sixth or so of the moves.
const KILLS = [killServer, killPostgres, killBoth, killServer, killPostgres, killBoth];
const PEOPLE = ['anna@demo.test', 'maria@demo.test'];

let dataDir: string;
let port: number;
let program: Program;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-kill-'));
  await chmod(dataDir, 0o755);
  port = await freePort();
  program = await start();
});
afterAll(async () => {
  await program.end('SIGTERM');
  await rm(dataDir, { recursive: true, force: true });
});

test('of a thousand moves, with server and Postgres killed among them, none that was acknowledged is lost and none is done twice', async () => {
  const { deals, stages } = await readBoard();
  const tokens = await Promise.all(PEOPLE.map(signIn));
  const acknowledged = new Map<string, number>();
  const mover = async (writer: number) => {
    const id = deals[writer] ?? '';
    const headers = headersOf(tokens[writer % tokens.length] ?? '');
    for (let n = 0; acknowledged.size < MOVES; n++) {
      const mutation = newId();
      const position = await insist(() => move({ headers, mutation, id, stageId: stages[n % 2] }));
      acknowledged.set(mutation, position);
    }
  };
  const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => mover(writer)));
  for (let kill = 0; kill < KILLS.length; kill++) {
    const share = (kill + 1) / (KILLS.length + 1);
    await reached(() => acknowledged.size >= share * MOVES);
    await KILLS[kill]?.();
  }
  await writers;

  const logged = await ask<{ mutation: string; positions: number[]; rows: number }>(
    `select t.mutation_id as mutation, array_agg(t.pos::int) as positions, count(l.*)::int as rows
     from sync.change_tx t
     join sync.change_log l on l.xid = t.xid and l.at = t.at and l.organization_id = t.organization_id
     where t.mutation_id is not null group by 1`,
  );
  const found = new Map(logged.map((row) => [row.mutation, row]));
  for (const [mutation, position] of acknowledged) {
    expect(found.get(mutation)).toEqual({ mutation, positions: [position], rows: 1 });
  }
  const [dense] = await ask(
    'select count(*) = max(pos) as ok from sync.change_tx group by organization_id',
  );
  expect(dense).toEqual({ ok: true });
}, 180_000);

async function killServer(): Promise<void> {
  await program.end('SIGKILL');
  program = await start();
}

async function killPostgres(): Promise<void> {
  await killPostgresOf(dataDir);
}

async function killBoth(): Promise<void> {
  await killPostgres();
  await killServer();
}

async function reached(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

const start = () =>
  startProgram({ port, env: { DATA_DIR: dataDir, DEMO: '1', LOG_LEVEL: 'silent' } });

/** Until it is answered, under the same mutation id; a refusal that is no outage is thrown. */
async function insist(call: () => Promise<Response>): Promise<number> {
  for (;;) {
    const answer = await call().catch(() => undefined);
    if (answer?.ok) {
      const { result } = (await answer.json()) as { result: { data: { position: number } } };
      return result.data.position;
    }
    if (answer && answer.status < 500) throw new Error(`${answer.status}: ${await answer.text()}`);
    await sleep(50);
  }
}

function move(request: {
  headers: Record<string, string>;
  mutation: string;
  id: string;
  stageId: string | undefined;
}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/trpc/deals.move`, {
    method: 'POST',
    headers: { ...request.headers, 'x-mutation-id': request.mutation },
    body: JSON.stringify({ id: request.id, stageId: request.stageId }),
    signal: AbortSignal.timeout(10_000),
  });
}

async function signIn(email: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/trpc/auth.login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-syncline': '1' },
    body: JSON.stringify({ email, password: 'demo-syncline', organization: 'demo' }),
  });
  const { result } = (await answer.json()) as {
    result: { data: { tokens: { access: string } } };
  };
  return result.data.tokens.access;
}

const headersOf = (token: string) => ({
  'content-type': 'application/json',
  authorization: `Bearer ${token}`,
  'x-organization': 'demo',
  'x-syncline': '1',
});

/** A deal for each writer, and the two stages between which it goes; no deal starts in the first. */
async function readBoard(): Promise<{ deals: string[]; stages: string[] }> {
  const stages = await ask<{ id: string }>(
    `select s.id from crm.stages s join crm.pipelines p on p.id = s.pipeline_id and p.is_default
     join crm.organizations o on o.id = s.organization_id and o.slug = 'demo'
     where s.kind = 'open' order by s.position limit 2`,
  );
  const deals = await ask<{ id: string }>(
    `select d.id from crm.deals d join crm.stages s on s.id = d.stage_id and s.pipeline_id =
       (select pipeline_id from crm.stages where id = $1)
     where d.state = 'open' and d.stage_id <> $1 limit ${WRITERS}`,
    [stages[0]?.id],
  );
  expect([stages.length, deals.length]).toEqual([2, WRITERS]);
  return { deals: deals.map(({ id }) => id), stages: stages.map(({ id }) => id) };
}

const ask = <Row extends Record<string, unknown>>(text: string, values?: unknown[]) =>
  askEmbedded<Row>(dataDir, text, values);
