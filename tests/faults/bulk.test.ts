import { afterAll, beforeAll, expect, test } from 'vitest';
import { from as copyFrom } from 'pg-copy-streams';
import { once } from 'node:events';
import { updateDeal } from '#lib/shared/deals.ts';
import { isFull, say } from '#tests/support/full.ts';
import { until } from '#tests/support/person.ts';
import { type Scene, type Screen, startScene } from './screens.ts';

/** Past what is walked through row by row; FULL=1 has as many as the worst import. */
const MANY = isFull ? 100_000 : 25_000;
let scene: Scene;
let anna: Screen;
let boris: Screen;
/** In another organization. */
let other: Screen;
let org: string;

beforeAll(async () => {
  scene = await startScene();
  [anna, boris, other] = await Promise.all([
    scene.open('anna@demo.test'),
    scene.open('boris@demo.test'),
    scene.open('anna@demo.test', { organization: 'nordlicht' }),
  ]);
  const { rows } = await scene.admin.query<{ id: string }>(
    `select id from organizations where slug = 'demo'`,
  );
  org = rows[0]?.id ?? '';
});
afterAll(() => scene[Symbol.asyncDispose]());

/** What a person sees of the board is what SQL has, in values and in absence. */
async function isTrue(who: Screen, where = 'true'): Promise<void> {
  const { rows } = await scene.admin.query<{ id: string; title: string; value: string | null }>(
    `select id, title, value from deals where pipeline_id = $1 and state = 'open' and ${where} order by id`,
    [who.pipelineId],
  );
  const truth = JSON.stringify(rows.map(({ id, title, value }) => [id, title, value && +value]));
  const shown = () =>
    JSON.stringify(
      who.live
        .rows('deals')
        .all.map(({ id, title, value }) => [id, title, value])
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
  await until('the board is true', () => shown() === truth);
}

async function memory(): Promise<number> {
  const metrics = await (await fetch(`${scene.server.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]) / 2 ** 20;
}

test(`${MANY} rows in one transaction: all who watch end on the truth, others wait for nothing`, async () => {
  const { list } = anna.live.subscribeList('customerList', { sort: 'name', status: 'vip' });
  await until('the list is there', () => list.ready);
  const [theirs = ''] = await scene.deals('nordlicht');
  const before = await memory();
  await scene.admin.query('begin');
  await scene.admin.query(
    `insert into customers (organization_id, name, status, code)
     select $1, 'Bulk ' || n, 'vip', 'B' || n from generate_series(1, $2::int) n`,
    [org, MANY],
  );
  await scene.admin.query(`update deals set title = 'Bulk ' || title where organization_id = $1`, [
    org,
  ]);
  let isOver = false;
  const commit = scene.admin.query('commit').finally(() => (isOver = true));
  let most = 0;
  for (let round = 0; !isOver || list.total < MANY; round += 1) {
    const { done } = other.live.change(updateDeal, { id: theirs, title: `Meanwhile ${round}` });
    expect(await done).toMatchObject({ ok: true });
    await until('it is there', () => other.live.unsent === 0);
    most = Math.max(most, await memory());
  }
  await commit;
  const { rows } = await scene.admin.query<{ n: number }>(
    `select count(*)::int as n from customers where organization_id = $1 and status = 'vip'`,
    [org],
  );
  await until('the list is true', () => list.total === rows[0]?.n, 30_000);
  await Promise.all([isTrue(anna), isTrue(boris)]);
  expect(other.live.connection).toBe('online');
  say(`${MANY} rows: server memory ${before.toFixed(0)} MB, then at most ${most.toFixed(0)} MB`);
  expect(most - before).toBeLessThan(400);
}, 120_000);

test('COPY by an administrator, cascades and what a savepoint kept come as they are', async () => {
  const copying = scene.admin.query(copyFrom('copy customers (organization_id, name) from stdin'));
  for (let n = 0; n < 1_000; n += 1) copying.write(`${org}\tCopied ${n}\n`);
  copying.end();
  await once(copying, 'finish');
  const { list } = boris.live.subscribeList('customerList', { sort: 'name', q: 'Copied' });
  await until('the list is there', () => list.ready);
  await scene.admin.query('begin');
  await scene.admin.query(`update deals set title = 'Kept' where organization_id = $1`, [org]);
  await scene.admin.query('savepoint one');
  await scene.admin.query(`update deals set title = 'Dropped' where organization_id = $1`, [org]);
  await scene.admin.query('rollback to one');
  await scene.admin.query('savepoint two');
  await scene.admin.query(`update deals set value = 7 where organization_id = $1`, [org]);
  await scene.admin.query('release two');
  await scene.admin.query('commit');
  await Promise.all([isTrue(anna), isTrue(boris)]);
  expect(anna.live.rows('deals').all.every(({ title }) => title === 'Kept')).toBe(true);
  await scene.admin.query(
    `delete from deals where id in (select deal_id from activities where deal_id is not null limit 5)`,
  );
  await Promise.all([isTrue(anna), isTrue(boris)]);
}, 60_000);
