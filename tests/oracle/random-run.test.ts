import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dealMeasure } from '#lib/shared/deal-filter.ts';
import { createDeal, deleteDeal, moveDeal, updateDeal } from '#lib/shared/deals.ts';
import { entities, kindsOf, type EntityName } from '#lib/shared/entities.ts';
import { newId } from '#lib/shared/ids.ts';
import type { LiveTotals } from '#lib/live/totals.svelte.ts';
import { visibleTo, type Told } from '#tests/oracle/visible.ts';
import { openAs, type Person } from '#tests/support/person.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

/** A long random run on the real thing: after every batch each browser holds what the oracle says, and no more. */
const emails = ['anna', 'boris', 'maria', 'vera'].map((name) => `${name}@demo.test`);
const batches = 25;
let server: TestServer;
let admin: pg.Client;
let owner: pg.Pool;

beforeAll(async () => {
  server = await startServer({ demo: true });
  admin = new pg.Client({ connectionString: server.databaseUrl });
  owner = new pg.Pool({ connectionString: server.databaseUrl, max: 2 });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await owner.end();
  await server.stop();
});

let seed = 20_261_121;
const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T;
const inDemo = `organization_id = (select id from crm.organizations where slug = 'demo')`;

/** Ids of a table of the demo's organization. */
const ids = async (table: string, where = 'true', column = 'id'): Promise<string[]> => {
  const { rows } = await admin.query<{ id: string }>(
    `select distinct ${column} as id from crm.${table} where ${where}
     and ${inDemo} order by 1`,
  );
  return rows.map(({ id }) => id);
};

interface Somebody extends Person {
  totals: LiveTotals;
}

const wholeTopics = [
  'organization',
  'roles',
  'teams',
  'members',
  'exchangeRates',
  'pipelines',
  'stages',
  'lostReasons',
  'products',
  'customers',
] as const;

async function open(email: string, pipelineId: string, deals: string[]): Promise<Somebody> {
  const person = await openAs(server.url, email);
  const { live } = person;
  for (const topic of wholeTopics) live.subscribe(topic, {});
  for (const state of ['open', 'won', 'lost'])
    live.subscribe('pipelineDeals', { pipelineId, state });
  for (const dealId of deals) {
    live.subscribe('dealActivities', { dealId });
    live.subscribe('dealProducts', { dealId });
  }
  const { memberId } = person.me;
  for (const state of ['unread', 'read', 'snoozed', 'done'])
    live.subscribe('notifications', { memberId, state });
  live.subscribe('notificationPreferences', { memberId });
  const params = { pipelineId, today: '2026-11-20' };
  const { totals } = live.subscribeTotals('dealTotals', {
    entity: 'deals',
    params,
    measure: dealMeasure(params),
  });
  return { ...person, totals };
}

/** What is seen by administrators alone, or asked for record by record. */
const notAskedFor: EntityName[] = ['invitations', 'apiKeys', 'follows', 'looks'];

/** One thing that somebody does in the browser. */
function act(person: Somebody, stages: string[], pipelineId: string): void {
  const { live, me } = person;
  const deals = live.rows('deals').all;
  const deal = oneOf(deals);
  const stageId = oneOf(stages);
  const kind = random(10);
  if (kind === 0 || !deal) {
    const made = { id: newId(), pipelineId, stageId, rank: 'a5', title: 'Made', currency: 'EUR' };
    live.change(createDeal, made);
  } else if (kind === 1) live.change(deleteDeal, { id: deal.id });
  else if (kind < 6) live.change(moveDeal, { id: deal.id, stageId });
  else if (kind < 8) live.change(updateDeal, { id: deal.id, value: random(1_000_000) });
  else live.change(updateDeal, { id: deal.id, ownerId: oneOf([me.memberId, null]) });
}

/** One thing that the administrator of the database does. */
async function write(members: string[], teams: string[], roles: string[]): Promise<void> {
  const [member, team] = [oneOf(members), oneOf([...teams, null])];
  const resource = oneOf(['deals', 'customers', 'activities', 'products']);
  const level = oneOf(['all', 'team', 'own', 'none']);
  const some = (table: string): string =>
    `id in (select id from crm.${table} where ${inDemo} order by md5(id::text || '${seed}') limit 5)`;
  const [text, values] = oneOf<[string, unknown[]]>([
    [`update crm.deals set owner_id = $1 where ${some('deals')}`, [member]],
    [`update crm.deals set title = $1 where ${some('deals')}`, [`Said ${seed}`]],
    ['update crm.members set team_id = $1 where id = $2', [team, member]],
    [
      `update crm.roles set access = jsonb_set(access, array[$1, 'view'], to_jsonb($2::text))
       where id = $3 and access ? $1`,
      [resource, level, oneOf(roles)],
    ],
    ['update crm.deal_products set quantity = quantity + 0.125', []],
    [`update crm.activities set done_at = now() where ${some('activities')}`, []],
    [`update crm.customers set owner_id = $1 where ${some('customers')}`, [member]],
    [`delete from crm.activities where ${some('activities')}`, []],
  ]);
  await admin.query(text, values);
}

/** A value as the browser holds it, from the text that Postgres writes. */
function shown(entity: EntityName, name: string, told: Told): unknown {
  const text = told[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] ?? null;
  const kind = kindsOf(entity)[name]?.replace('?', '');
  if (text === null) return null;
  if (kind === 'time') return Date.parse(text);
  if (kind === 'int') return Number(text);
  if (kind === 'bool') return text === 'true';
  if (kind === 'decimal') return text.replace(/\.?0+$/, '');
  return kind === 'json' || kind === 'texts' ? (JSON.parse(text) as unknown) : text;
}

/** What a browser holds and should not, or should and does not; empty when all is as the oracle says. */
async function wrongWith(
  { live, me, totals }: Somebody,
  deals: string[],
  pipelineId: string,
): Promise<string> {
  const visible = await visibleTo(owner, me.memberId);
  for (const entity of Object.keys(entities) as EntityName[]) {
    if (notAskedFor.includes(entity)) continue;
    const told = [...(visible.get(entity) ?? [])].filter(([, row]) =>
      entity === 'activities' || entity === 'dealProducts'
        ? deals.includes(String(row['deal_id']))
        : entity !== 'deals' || row['pipeline_id'] === pipelineId,
    );
    const held = new Map(
      live.rows(entity).all.map((row) => [row.id, row as Record<string, unknown>]),
    );
    if (held.size !== told.length) return `${entity}: ${held.size} held, ${told.length} to be seen`;
    for (const [id, row] of told) {
      const mine = held.get(id);
      if (!mine) return `${entity} ${id} is missing`;
      for (const name of Object.keys(kindsOf(entity))) {
        const [is, should] = [mine[name], shown(entity, name, row)].map((one) =>
          JSON.stringify(one),
        );
        if (is !== should) return `${entity} ${id}: ${name} is ${is}, not ${should}`;
      }
    }
  }
  const measure = dealMeasure({ pipelineId, today: '2026-11-20' });
  const counted = new Map<string, number[]>();
  for (const row of live.rows('deals').all) {
    const one = measure(row);
    if (!one) continue;
    const sums = counted.get(one.group) ?? one.figures.map(() => 0);
    counted.set(
      one.group,
      sums.map((sum, at) => sum + (one.figures[at] ?? 0)),
    );
  }
  const sorted = (groups: Iterable<unknown>) => JSON.stringify([...groups].sort());
  const [is, should] = [sorted(totals.groups), sorted(counted)];
  return is === should ? '' : `totals are ${is}, not ${should}`;
}

test('whatever people and administrators do, each browser holds what its person may see', async () => {
  const [pipelineId = ''] = await ids('pipelines', 'is_default');
  const stages = await ids('stages', `pipeline_id = '${pipelineId}' and kind <> 'lost'`);
  const [members, teams] = [await ids('members'), await ids('teams')];
  const roles = await ids('roles', `slug in ('sales', 'viewer', 'manager')`);
  const withLines = await ids('deal_products', 'true', 'deal_id');
  const withTasks = await ids('activities', 'deal_id is not null', 'deal_id');
  const watched = [...new Set([...withLines.slice(0, 20), ...withTasks.slice(0, 20)])];
  const people = await Promise.all(emails.map((email) => open(email, pipelineId, watched)));
  for (let batch = 0; batch < batches; batch += 1) {
    for (let step = 0; step < 15; step += 1) {
      if (random(3) === 0) await write(members, teams, roles);
      else act(oneOf(people), stages, pipelineId);
    }
    for (const person of people) {
      const wrong = async (): Promise<string> =>
        person.live.unsent > 0
          ? 'changes are unsent'
          : await wrongWith(person, watched, pipelineId);
      const moment = `batch ${batch}, ${person.me.name}`;
      await expect.poll(wrong, { message: moment, timeout: 15_000, interval: 50 }).toBe('');
    }
  }
  for (const person of people) person.leave();
}, 240_000);
