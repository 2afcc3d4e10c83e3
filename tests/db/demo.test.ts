import { expect, test } from 'vitest';
import { fillDemo } from '#server/demo.ts';
import { verifyPassword } from '#server/auth/password.ts';
import { Flush } from '#server/live/flush.ts';
import { freshDatabase } from '#tests/support/database.ts';

test('the demo is filled once, whoever starts first, and shows the eighteen deals of its board', async () => {
  await using base = await freshDatabase();
  const live = { pool: base.pool, flush: new Flush(base.pool), poke: () => undefined };
  const password = 'demo-syncline';
  const filled = await Promise.all([
    fillDemo({ live }, { password }),
    fillDemo({ live }, { password }),
  ]);
  expect(filled.toSorted()).toEqual([false, true]);
  expect(await fillDemo({ live }, { password })).toBe(false);

  const { rows: columns } = await base.owner.pool.query(
    `select s.name, count(*)::int as deals, count(d.next_activity_id)::int as activities
     from stages s join pipelines p on p.id = s.pipeline_id and p.is_default
     join organizations o on o.id = s.organization_id and o.slug = 'demo'
     join deals d on d.stage_id = s.id where s.kind = 'open' group by s.name, s.position order by s.position`,
  );
  expect(columns).toEqual([
    { name: 'Лид', deals: 5, activities: 4 },
    { name: 'Квалификация', deals: 4, activities: 4 },
    { name: 'Предложение', deals: 4, activities: 4 },
    { name: 'Переговоры', deals: 3, activities: 3 },
    { name: 'Договор', deals: 2, activities: 2 },
  ]);

  const { rows: people } = await base.owner.pool.query(
    `select u.email, u.password_hash, array_agg(o.slug || ' ' || r.slug order by o.slug) as roles
     from platform.users u join members m on m.user_id = u.id
     join roles r on r.organization_id = m.organization_id and r.id = m.role_id
     join organizations o on o.id = m.organization_id group by u.id order by u.email`,
  );
  expect(people.map(({ email, roles }) => [email, roles])).toEqual([
    ['aigul@demo.test', ['demo sales']],
    ['anna@demo.test', ['demo admin', 'nordlicht owner']],
    ['boris@demo.test', ['demo sales']],
    ['dmitry@demo.test', ['demo manager']],
    ['maria@demo.test', ['demo owner']],
    ['vera@demo.test', ['demo viewer']],
  ]);
  expect(await verifyPassword(people[1]?.password_hash, password)).toBe(true);
});
