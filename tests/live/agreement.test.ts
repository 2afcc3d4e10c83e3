import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  closings,
  dealMatcher,
  dealMeasure,
  priorities,
  type DealFilter,
} from '#lib/shared/deal-filter.ts';
import { columnsOf, entityNames, type Deal } from '#lib/shared/entities.ts';
import { plainText } from '#lib/shared/fields.ts';
import { newId } from '#lib/shared/ids.ts';
import { sortText } from '#lib/shared/listings.ts';
import { covers, type Level, type Standing } from '#lib/shared/standing.ts';
import { memberKeys, reachSql, rowKeys, type Member } from '#server/access.ts';
import { dealTotals, fitsFilter } from '#server/deals.ts';
import { readTransactions, type LogRow } from '#server/live/log.ts';
import { read, type Tx } from '#server/live/transaction.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

/** What browser and socket decide from a row, and what SQL decides, must be the same. */
const today = '2026-11-20';
const organizationId = newId();
const [teamA = '', teamB = ''] = [newId(), newId()];
const members = [newId(), newId(), newId()];
const pipelineId = newId();
const stages = [newId(), newId(), newId(), newId()];
let database: TestDatabase;
let deals: Deal[];

let seed = 20_261_120;
const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T;
const maybe = <T>(value: T): T | null => (random(3) === 0 ? null : value);
const day = (): string =>
  new Date(Date.UTC(2026, 7 + random(8), 1 + random(28))).toISOString().slice(0, 10);
const words = [
  'Ёлка',
  'ELKA',
  'Café',
  'café',
  'ЙОД',
  'иод',
  'Straße',
  '50 %',
  "O'Neil",
  'Ünal',
  'İzmir',
];

beforeAll(async () => {
  database = await freshDatabase();
  const insert = (table: string, rows: Record<string, unknown>[]) =>
    database.owner.pool.query(
      `insert into crm.${table} select * from jsonb_populate_recordset(null::crm.${table}, $1::jsonb)`,
      [
        JSON.stringify(
          rows.map((row) => ({
            organization_id: organizationId,
            created_at: 'now',
            updated_at: 'now',
            rev: 0,
            ...row,
          })),
        ),
      ],
    );
  await insert('organizations', [
    {
      id: organizationId,
      name: 'O',
      slug: 'o',
      currency: 'EUR',
      time_zone: 'UTC',
      locale: 'en',
      is_active: true,
    },
  ]);
  const roleId = newId();
  await insert('roles', [
    { id: roleId, slug: 'r', name: 'R', description: '', is_built_in: false, access: {} },
  ]);
  await insert('teams', [
    { id: teamA, name: 'A' },
    { id: teamB, name: 'B' },
  ]);
  await insert(
    'members',
    members.map((id, at) => ({
      id,
      name: `M${at}`,
      role_id: roleId,
      team_id: [teamA, teamB, null][at],
      is_active: true,
    })),
  );
  await insert('pipelines', [
    {
      id: pipelineId,
      name: 'P',
      description: '',
      position: 'a0',
      is_default: true,
      is_active: true,
    },
  ]);
  await insert(
    'stages',
    stages.map((id, at) => ({
      id,
      pipeline_id: pipelineId,
      name: `S${at}`,
      kind: ['open', 'open', 'won', 'lost'][at],
      probability: [15, 60, 100, 0][at],
      position: `a${at}`,
    })),
  );
  await insert(
    'deals',
    Array.from({ length: 400 }, () => ({
      id: newId(),
      pipeline_id: pipelineId,
      stage_id: oneOf(stages),
      state: 'open',
      rank: `a${random(10)}`,
      title: `${oneOf(words)} ${oneOf(words)}`,
      description: '',
      currency: oneOf(['EUR', 'RUB']),
      value: maybe(random(1_000_000)),
      probability: 0,
      probability_manual: false,
      priority: oneOf(priorities),
      tags: random(2) ? [oneOf(['a', 'b'])] : [],
      owner_id: maybe(oneOf(members)),
      custom: {},
      expected_close_on: maybe(day()),
      closed_on: maybe(day()),
      next_activity_id: maybe(newId()),
      stage_entered_at: 'now',
    })),
  );
  const { rows } = await database.owner.pool.query<LogRow>(
    'select * from sync.read_log($1, 0, 1000)',
    [organizationId],
  );
  deals = readTransactions(rows)
    .flatMap((tx) => tx.rows)
    .filter(({ entity }) => entity === 'deals')
    .map(({ is }) => is as unknown as Deal);
});
afterAll(() => database.drop());

const inside = <T>(run: (tx: Tx) => Promise<T>): Promise<T> =>
  read(database.pool, { organizationId }, run);

function anyFilter(): DealFilter {
  return {
    pipelineId,
    today,
    ...(random(2) ? { q: plainText(oneOf(words)).slice(0, 1 + random(4)) } : {}),
    ...(random(3) === 0 ? { owner: oneOf(members) } : {}),
    ...(random(3) === 0 ? { tag: oneOf(['a', 'b']) } : {}),
    ...(random(3) === 0 ? { closing: oneOf(closings) } : {}),
    ...(random(3) === 0 ? { priority: oneOf(priorities) } : {}),
    ...(random(3) === 0 ? { noActivity: true } : {}),
  };
}

const anyone = (level: Level, at: number): Member => ({
  organizationId,
  slug: 'o',
  userId: newId(),
  memberId: members[at] ?? '',
  name: '',
  teamId: [teamA, teamB, null][at] ?? null,
  roleId: newId(),
  roleSlug: 'r',
  access: { deals: { view: level } },
});

test('every filter lets the same deals through in the browser and in SQL', async () => {
  expect(deals).toHaveLength(400);
  let found = 0;
  for (let round = 0; round < 300; round += 1) {
    const filter = anyFilter();
    const rows = await inside((tx) =>
      tx.selectFrom('deals').select('id').where(fitsFilter(filter)).execute(),
    );
    const expected = deals
      .filter(dealMatcher(filter))
      .map(({ id }) => id)
      .sort();
    expect(rows.map(({ id }) => id).sort(), JSON.stringify(filter)).toEqual(expected);
    found += expected.length;
  }
  expect(found).toBeGreaterThan(1_000);
}, 60_000);

test('the figures of every filter and every level are the same', async () => {
  for (const level of ['all', 'team', 'own', 'none'] as const) {
    for (let round = 0; round < 40; round += 1) {
      const filter = anyFilter();
      const member = anyone(level, random(3));
      const loaded = await inside((tx) => dealTotals.load(tx, member, filter));
      const measure = dealMeasure(filter);
      const counted = new Map<string, number[]>();
      for (const deal of deals.filter((one) => covers(member, 'deals.view', one))) {
        const measured = measure(deal);
        if (!measured) continue;
        const sums = counted.get(measured.group) ?? measured.figures.map(() => 0);
        counted.set(
          measured.group,
          sums.map((sum, at) => sum + (measured.figures[at] ?? 0)),
        );
      }
      expect(new Map(loaded), JSON.stringify({ level, filter })).toEqual(counted);
    }
  }
}, 60_000);

test('who sees a deal is the same by keys, by rule and by SQL', async () => {
  for (const level of ['all', 'team', 'own', 'none'] as const) {
    for (const at of [0, 1, 2]) {
      const member = anyone(level, at);
      const held = new Set(memberKeys(member));
      const byKeys = deals
        .filter((deal) => rowKeys('deals', deal).some((key) => held.has(key)))
        .map(({ id }) => id);
      const byRule = deals
        .filter((deal) => covers(member as Standing, 'deals.view', deal))
        .map(({ id }) => id);
      const rows = await inside((tx) =>
        tx.selectFrom('deals').select('id').where(reachSql(member, 'deals.view')).execute(),
      );
      expect(byKeys.sort()).toEqual(rows.map(({ id }) => id).sort());
      expect(byRule.sort()).toEqual(byKeys);
    }
  }
});

test('every synced column is a column of its table', async () => {
  const { rows } = await database.owner.pool.query<{ entity: string; columns: string[] }>(
    `select t.entity, array_agg(a.attname::text) as columns from sync.tracked t
     join pg_attribute a on a.attrelid = t.relid and a.attnum > 0 and not a.attisdropped group by 1`,
  );
  const stored = new Map(rows.map(({ entity, columns }) => [entity, columns]));
  for (const entity of entityNames) {
    const snake = columnsOf(entity).map((name) =>
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    );
    expect(stored.get(entity), entity).toEqual(expect.arrayContaining(snake));
  }
});

test('text is compared alike in the browser and in the database', async () => {
  const texts = [...words, 'ЁЖИК ёжик', 'e\u0301', '\u00e9', 'ǅ', 'ﬁ', 'Ω', 'ΑΣ'];
  texts.push('Ёлка 10', 'Nr. 7a12b003', '12345678901234567890', '٣ 3');
  const { rows } = await inside((tx) =>
    sql<{
      plain: string;
      sort: string;
    }>`select crm.plain_text(x) as plain, crm.sort_text(x) as sort from unnest(${texts}::text[]) x`.execute(
      tx,
    ),
  );
  expect(rows.map(({ plain }) => plain)).toEqual(texts.map(plainText));
  expect(rows.map(({ sort }) => sort)).toEqual(texts.map(sortText));
});
