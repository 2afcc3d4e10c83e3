import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { tidy } from '#jobs/tidy.ts';
import { freshDatabase } from '#tests/support/database.ts';

const { signal } = new AbortController();

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
  await tidy(pool).run(signal);
  await tidy(pool).run(signal);
  const { rows: kept } = await pool.query('select mutation_id from sync.mutations order by 1');
  expect(kept).toEqual([{ mutation_id: '1' }, { mutation_id: '89' }]);
  expect((await pool.query('select key from platform.throttles')).rows).toEqual([{ key: 'on' }]);
});

test('the change log has its partitions two weeks ahead', async () => {
  await using base = await freshDatabase();
  const { pool } = base.owner;
  const last = `to_char(current_date + 14, '"sync.change_log_"YYYYMMDD')`;
  await pool.query(`do $$ begin execute 'drop table ' || ${last}; end $$`);
  await tidy(pool).run(signal);
  const { rows } = await pool.query(`select to_regclass(${last}) is not null as made`);
  expect(rows).toEqual([{ made: true }]);
});
