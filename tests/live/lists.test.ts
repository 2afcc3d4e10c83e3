import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LiveList } from '#lib/live/list.svelte.ts';
import type { CustomerListParams } from '#lib/shared/customer-list.ts';
import { comparePlaces } from '#lib/shared/listings.ts';
import { openAs, until, type Person } from '#tests/support/person.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

let server: TestServer;
let admin: pg.Client;
let org: string;
let anna: Person;
let boris: Person;

beforeAll(async () => {
  server = await startServer({ demo: true });
  admin = new pg.Client({ connectionString: server.databaseUrl });
  await admin.connect();
  await admin.query('set search_path = crm');
  anna = await openAs(server.url, 'anna@demo.test');
  boris = await openAs(server.url, 'boris@demo.test');
  const { rows } = await admin.query<{ id: string }>(
    `select organization_id as id from members where email = 'boris@demo.test'`,
  );
  org = rows[0]?.id ?? '';
  await add(3_000);
});
afterAll(async () => {
  await admin.end();
  await server.stop();
});

let seed = 7;
const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
const words = [
  'Ёлка',
  'ёж',
  'Ель',
  'Ünal',
  'unter',
  'Zebra',
  'аист',
  'Йод',
  'Café',
  '',
  '🚀 Start',
  '\uffee',
];
const word = () => words[random(words.length)] ?? '';

async function add(count: number): Promise<void> {
  await admin.query(
    `insert into customers (organization_id, name, status, city, tags, owner_id)
     select $1, w || ' ' || md5((n * $4)::text), (array['lead', 'active', 'vip'])[1 + n % 3],
       nullif((array['Москва', 'Oslo', ''])[1 + n % 3], ''), array['t' || n % 4],
       (select id from members m where m.organization_id = $1 order by md5(m.id::text || n) limit 1)
     from unnest($2::text[]) with ordinality as u (w, n) where n <= $3`,
    [org, Array.from({ length: count }, () => `X${word()}`), count, random(1_000_000)],
  );
}

/** Who may see which customers, as product.md says: sellers those of their team and their own. */
const reach = {
  anna: 'true',
  boris: `(c.owner_id = b.id or c.team_id = b.team_id)`,
};
const orders: Record<string, string> = {
  name: 'crm.sort_text(c.name) collate "C"',
  city: `nullif(crm.sort_text(c.city), '') collate "C"`,
  ownerId: `(select crm.sort_text(m.name) from members m where m.id = c.owner_id) collate "C"`,
  deals: `nullif((select count(*) from deals d where d.customer_id = c.id and d.state = 'open'
     and (%reach%)), 0)`,
};

async function inSql(who: 'anna' | 'boris', params: CustomerListParams): Promise<string[]> {
  const { status = null, tag = null, q = null, type = null, sort, descending } = params;
  const dealReach = reach[who].replaceAll('c.', 'd.');
  const { rows } = await admin.query<{ id: string }>(
    `select c.id from customers c join members b on b.organization_id = c.organization_id and b.email = 'boris@demo.test'
     where c.organization_id = $1 and ${reach[who]} and ($2::text is null or c.status = $2)
       and ($3::text is null or $3 = any(c.tags)) and ($5::text is null or c.type = $5)
       and ($4::text is null or strpos(crm.plain_text(c.name || ' ' || coalesce(c.city, '')), crm.plain_text($4)) > 0)
     order by ${orders[sort]?.replace('%reach%', dealReach)} ${descending ? 'desc' : 'asc'} nulls last, c.id`,
    [org, status, tag, q, type],
  );
  return rows.map(({ id }) => id);
}

/** Whether all of a list is here and as it should be. */
function isAs(list: LiveList, expected: string[]): boolean {
  list.want(0, list.total);
  return JSON.stringify(list.all) === JSON.stringify(expected);
}

const asked: CustomerListParams[] = [
  { sort: 'name' },
  { sort: 'name', descending: true, status: 'lead' },
  { sort: 'city', tag: 't1' },
  { sort: 'ownerId' },
  { sort: 'deals', descending: true },
  { sort: 'name', q: 'ел' },
];

test('lists hold what SQL says, in its order, whatever is done to them', async () => {
  const lists = [
    ...asked.map(
      (params) => ['anna', params, anna.live.subscribeList('customerList', params)] as const,
    ),
    ...asked.map(
      (params) => ['boris', params, boris.live.subscribeList('customerList', params)] as const,
    ),
  ];
  const agree = async () => {
    for (const [who, params, { list }] of lists) {
      await until(`${who} has ${JSON.stringify(params)}`, () => list.ready);
      const expected = await inSql(who, params);
      await until(`${who} sees ${JSON.stringify(params)}`, () => isAs(list, expected));
    }
  };
  await agree();
  const some =
    'id in (select id from customers where organization_id = $1 order by md5(id::text || $2) limit 40)';
  for (let round = 0; round < 12; round += 1) {
    const key = [org, String(random(1_000_000))];
    await add(random(30));
    await admin.query(`update customers set name = name || ' neu' where ${some}`, [
      org,
      `${key[1]}a`,
    ]);
    await admin.query(`update customers set name = $3 || name where ${some}`, [
      org,
      `${key[1]}b`,
      word(),
    ]);
    await admin.query(
      `update customers set status = (array['lead', 'active'])[1 + length(name) % 2], tags = '{t1}', city = 'Ель' where ${some}`,
      [org, `${key[1]}c`],
    );
    await admin.query(
      `update customers set owner_id = (select id from members m where m.organization_id = $1 order by md5(m.id::text || $2) limit 1) where ${some}`,
      [org, `${key[1]}d`],
    );
    await admin.query(`delete from customers where ${some.replace('40', '7')}`, [
      org,
      `${key[1]}e`,
    ]);
    await admin.query(
      `update deals set customer_id = (select id from customers where organization_id = $1 order by md5(id::text || $2) limit 1)
       where id in (select id from deals where organization_id = $1 order by md5(id::text || $2) limit 5)`,
      key,
    );
    if (round === 5) await add(1_500);
    if (round === 7)
      await admin.query(`update members set name = 'Ёж ' || name where organization_id = $1`, [
        org,
      ]);
  }
  await agree();
  for (const [, , { stop }] of lists) stop();
});

test('a part of a list is followed through what is put in and taken out before it', async () => {
  const params: CustomerListParams = { sort: 'name', type: 'individual' };
  const { list, stop } = anna.live.subscribeList('customerList', params);
  await until('the list is there', () => list.ready);
  const middle = 1_500;
  list.want(middle, middle + 50);
  const there = (at: number) => list.at(at)?.id;
  await until(
    'the middle is there',
    () => there(middle) !== undefined && there(middle + 50) !== undefined,
  );
  await admin.query(
    `insert into customers (organization_id, name) select $1, '!' || n from generate_series(1, 30) n`,
    [org],
  );
  await admin.query(`delete from customers where organization_id = $1 and name in ('!3', '!4')`, [
    org,
  ]);
  const expected = await inSql('anna', params);
  await until('it has moved on', () => list.total === expected.length);
  expect(there(middle + 28)).toBe(expected[middle + 28]);
  expect(list.at(400)).toBeUndefined();
  stop();
});

test('what fits no more fades where somebody looks at it, and goes when swept', async () => {
  const { list, stop } = anna.live.subscribeList('customerList', { sort: 'name', status: 'vip' });
  await until('the list is there', () => list.at(3) !== undefined);
  const [second, third] = [list.at(1)?.id, list.at(2)?.id];
  list.isInSight = (id) => id === second;
  const before = list.total;
  await admin.query(`update customers set status = 'lead' where id = any($1)`, [[second, third]]);
  await until('both have left', () => list.total === before - 2);
  expect(list.at(1)).toEqual({ id: second, isLeaving: true });
  expect(list.placeOf(third ?? '')).toBe(-1);
  const rest = await inSql('anna', { sort: 'name', status: 'vip' });
  expect(list.at(2)?.id).toBe(rest[1]);
  await admin.query(`update customers set status = 'vip' where id = $1`, [second]);
  await until('it is back', () => list.at(1)?.isLeaving === false);
  expect(list.length).toBe(list.total);
  list.isInSight = () => true;
  await admin.query(`update customers set status = 'lead' where id = $1`, [second]);
  await until('it has left again', () => list.at(1)?.isLeaving === true);
  list.isInSight = () => false;
  list.sweep();
  expect(list.at(1)?.id).toBe(rest[1]);
  stop();
});

test('after a lost line a list begins anew, and goes on', async () => {
  const { list, stop } = boris.live.subscribeList('customerList', { sort: 'name' });
  await until('the list is there', () => list.ready);
  await server.kill();
  await server.restart();
  await until('boris is back', () => boris.live.connection === 'online');
  await add(5);
  const expected = await inSql('boris', { sort: 'name' });
  await until('it is right', () => isAs(list, expected));
  stop();
});

test('a list that is none, or not his, is refused', async () => {
  const none = anna.live.subscribeList('customerList', { sort: 'shoeSize' });
  await until('it is refused', () => none.list.refused === 'BAD_INPUT');
  none.stop();
});

test('places are in the order of Postgres', async () => {
  const texts = ['a', 'b', '🚀', '\uffee', '', 'ж', 'é', 'aa', 'a🚀', 'a\uffee', null];
  const { rows } = await admin.query<{ x: string | null }>(
    `select x from unnest($1::text[]) x order by x collate "C" desc nulls last`,
    [texts],
  );
  const mine = texts
    .map((key) => ({ key, id: 'x' }))
    .sort((a, b) => comparePlaces(a, b, true))
    .map(({ key }) => key);
  expect(mine).toEqual(rows.map(({ x }) => x));
});
