import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { tidy } from '#jobs/tidy.ts';
import { nobody } from '#server/live/canary.ts';
import { freshDatabase } from '#tests/support/database.ts';

const { signal } = new AbortController();
const settings = { keepImagesDays: 30 };

test('answers of changes are kept 90 days, and what has run out goes', async () => {
  await using base = await freshDatabase();
  const { pool } = base.owner;
  await pool.query(
    `insert into sync.mutations (organization_id, actor, mutation_id, name, request_hash, pos, at)
     select $1, 'a', age::text, 'x', 'h', 1, now() - make_interval(days => age) from unnest('{1,89,91}'::int[]) age`,
    [randomUUID()],
  );
  await pool.query(
    `insert into platform.throttles values ('over', 1, now() - interval '1 second'), ('on', 1, now() + interval '1 hour')`,
  );
  await tidy(pool, settings).run(signal);
  await tidy(pool, settings).run(signal);
  const { rows: kept } = await pool.query('select mutation_id from sync.mutations order by 1');
  expect(kept).toEqual([{ mutation_id: '1' }, { mutation_id: '89' }]);
  expect((await pool.query('select key from platform.throttles')).rows).toEqual([{ key: 'on' }]);
});

test('the change log has its partitions two weeks ahead', async () => {
  await using base = await freshDatabase();
  const { pool } = base.owner;
  const last = `to_char(current_date + 14, '"sync.change_log_"YYYYMMDD')`;
  await pool.query(`do $$ begin execute 'drop table ' || ${last}; end $$`);
  await tidy(pool, settings).run(signal);
  const { rows } = await pool.query(`select to_regclass(${last}) is not null as made`);
  expect(rows).toEqual([{ made: true }]);
});

test('the canary leaves a day of its log', async () => {
  await using base = await freshDatabase();
  const { pool } = base.owner;
  const beat = (organization: string) =>
    pool.query(
      `insert into sync.canaries (id, organization_id) values (gen_random_uuid(), '${organization}')`,
    );
  await beat(nobody);
  await beat(nobody);
  await beat(randomUUID());
  await pool.query(
    `begin; create temp table first on commit drop as
       select xid from sync.change_tx where organization_id = '${nobody}' and pos = 1;
     update sync.change_tx set at = at - interval '2 days' where pos = 1;
     update sync.change_log set at = at - interval '2 days' where xid in (select xid from first); commit`,
  );
  await tidy(pool, settings).run(signal);
  const { rows } = await pool.query(
    `select organization_id = '${nobody}' as is_nobodys, count(*)::int as txs from sync.change_tx group by 1 order by 1`,
  );
  expect(rows).toEqual([
    { is_nobodys: false, txs: 1 },
    { is_nobodys: true, txs: 1 },
  ]);
  expect((await pool.query('select from sync.change_log')).rowCount).toBe(2);
});
