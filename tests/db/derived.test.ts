import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

let database: TestDatabase;
const org = newId();
const [open, closing] = [newId(), newId()];
const deal = newId();
let first: pg.Client;
let second: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  [first, second] = [new pg.Client(database.url), new pg.Client(database.url)];
  for (const client of [first, second]) {
    await client.connect();
    await client.query('set search_path = crm');
  }
  await first.query(
    `insert into organizations (id, organization_id, name, slug) values ($1, $1, 'O', 'o')`,
    [org],
  );
  const pipeline = newId();
  await first.query(
    `insert into pipelines (organization_id, id, name, position) values ($1, $2, 'P', 'a0')`,
    [org, pipeline],
  );
  await first.query(
    `insert into stages (organization_id, id, pipeline_id, name, position) values ($1, $2, $4, 'A', 'a0'), ($1, $3, $4, 'B', 'a1')`,
    [org, open, closing, pipeline],
  );
  await first.query(
    `insert into deals (organization_id, id, pipeline_id, stage_id, rank, title, currency) values ($1, $2, $3, $4, 'a0', 'D', 'EUR')`,
    [org, deal, pipeline, open],
  );
});
afterAll(async () => {
  await first.end();
  await second.end();
  await database.drop();
});

/** Resolves when the second connection waits for a lock that the first holds. */
async function untilBlocked(): Promise<void> {
  const pid = (second as unknown as { processID: number }).processID;
  for (;;) {
    const found = await database.owner.pool.query(
      `select from pg_locks where pid = $1 and not granted`,
      [pid],
    );
    if (found.rows.length > 0) return;
  }
}

test('a deal that enters a stage while that changes its kind has the new one', async () => {
  await first.query('begin');
  await first.query(`update stages set kind = 'won', probability = 100 where id = $1`, [closing]);
  const moving = second.query(`update deals set stage_id = $2 where id = $1`, [deal, closing]);
  await untilBlocked();
  await first.query('commit');
  await moving;
  const { rows } = await first.query('select state, probability from deals where id = $1', [deal]);
  expect(rows).toEqual([{ state: 'won', probability: 100 }]);
});

test('of two activities planned at once the earlier one is next, whoever comes second', async () => {
  const plan = `insert into activities (organization_id, kind, title, deal_id, due_at) values ($1, 'call', $2, $3, $4)`;
  await first.query('begin');
  await first.query(plan, [org, 'earlier', deal, '2026-12-01']);
  const later = second.query(plan, [org, 'later', deal, '2026-12-24']);
  await untilBlocked();
  await first.query('commit');
  await later;
  const { rows } = await first.query('select next_activity_title from deals where id = $1', [deal]);
  expect(rows).toEqual([{ next_activity_title: 'earlier' }]);
});
