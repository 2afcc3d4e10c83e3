import { afterAll, beforeAll, expect, test } from 'vitest';
import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import { newId } from '#lib/shared/ids.ts';
import { rules } from '#server/undo/rules.ts';
import { newDeal, startTeam, type Calls } from '#tests/features/team.ts';

/** Every column of every entity, as the catalog has them: changed past the application, and undone. */
let team: Awaited<ReturnType<typeof startTeam>>;
let owner: Calls;
let place: Awaited<ReturnType<typeof furnish>>;
beforeAll(async () => {
  team = await startTeam();
  owner = await team.as(team.owner);
  place = await furnish();
});
afterAll(() => team[Symbol.asyncDispose]());

const ask = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  (await team.database.owner.pool.query<T>(text, values)).rows;

const undoable = entityNames.filter((entity) => rules[entity] !== 'never');
const tableOf = (entity: EntityName): string =>
  entity.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** One record of each entity, with another of each that a column may point at. */
async function furnish() {
  const { organizationId, memberId } = team.owner;
  const board = await team.board();
  const sales = await team.join('sales', 'North');
  await team.join('sales', 'South');
  const id = () => newId();
  const made = {
    roles: id(),
    teams: id(),
    members: id(),
    exchangeRates: id(),
    pipelines: id(),
    stages: id(),
    lostReasons: id(),
    products: id(),
    customers: id(),
    dealProducts: id(),
    activities: id(),
  };
  const insert = (table: string, fields: Record<string, unknown>) => {
    const all = { organization_id: organizationId, ...fields };
    const names = Object.keys(all);
    const places = names.map((_, at) => `$${at + 1}`).join(', ');
    return ask(`insert into ${table} (${names.join(', ')}) values (${places})`, Object.values(all));
  };
  const customer = id();
  const pipeline = id();
  await insert('roles', { id: made.roles, slug: 'helper', name: 'Helper' });
  await insert('teams', { id: made.teams, name: 'West' });
  await insert('members', { id: made.members, name: 'Seller', role_id: made.roles });
  await insert('exchange_rates', {
    id: made.exchangeRates,
    currency: 'EUR',
    valid_from: '2026-01-01',
    rate: 1.25,
  });
  for (const one of [made.pipelines, pipeline]) {
    await insert('pipelines', { id: one, name: `Pipeline ${one}`, position: 'a1' });
    await insert('stages', { id: id(), pipeline_id: one, name: 'Only', position: 'a1' });
  }
  await insert('stages', {
    id: made.stages,
    pipeline_id: made.pipelines,
    name: 'First',
    position: 'a0',
  });
  await insert('lost_reasons', { id: made.lostReasons, name: 'Too dear', position: 'a1' });
  await insert('products', { id: made.products, name: 'Boots', currency: 'USD', price: 12.3456 });
  await insert('products', { id: id(), name: 'Shoes', currency: 'USD' });
  await insert('customers', { id: made.customers, code: '', name: 'Acme', owner_id: memberId });
  await insert('customers', { id: customer, code: '', name: 'Other' });
  const deal = await newDeal(owner, board, { ownerId: sales.memberId, value: 100_00 });
  await newDeal(owner, board);
  const open = board.stage('Qualified') || board.stage('Lead');
  await insert('deal_products', {
    id: made.dealProducts,
    deal_id: deal.id,
    product_id: made.products,
    currency: 'USD',
    unit_price: 0.123456,
  });
  await insert('activities', {
    id: made.activities,
    kind: 'call',
    title: 'Call',
    deal_id: deal.id,
    due_at: '2027-01-01',
  });
  return {
    ids: { ...made, organizations: organizationId, deals: deal.id } as Record<string, string>,
    open,
    board,
  };
}

const secret = ['id', 'organization_id', 'rev', 'updated_at'];

/** Values that a type alone does not tell. */
const special: Record<string, () => string> = {
  currency: () => `'KZT'`,
  locale: () => `case locale when 'en' then 'ru' else 'en' end`,
  'activities.kind': () => `'task'`,
  'stages.kind': () => `'won'`,
  'customers.type': () => `'business'`,
  'customers.status': () => `'vip'`,
  'deals.priority': () => `'urgent'`,
  'members.card_fields': () => `'{owner}'`,
  'stages.probability': () => '55',
  'deals.probability': () => '55',
  'deals.stage_id': () => `'${place.open}'`,
  'products.is_active': () => 'false',
  slug: () => `slug || '-x'`,
  time_zone: () => `'Asia/Almaty'`,
  'stages.rotting_days': () => '7',
};

interface Column {
  name: string;
  type: string;
  target: string | null;
}

async function columnsOf(entity: EntityName): Promise<Column[]> {
  const rule = rules[entity];
  if (rule === 'never') return [];
  const left = [...secret, ...(rule.derived ?? []), ...(rule.fixed ?? [])];
  const columns = await ask<Column>(
    `select a.attname as name, format_type(a.atttypid, null) as type,
       (select c.confrelid::regclass::text from pg_constraint c join pg_attribute k on k.attrelid = c.conrelid and k.attnum = any(c.conkey)
         where c.conrelid = a.attrelid and c.contype = 'f' and k.attname = a.attname
           and cardinality(c.conkey) <= 2 and a.attname <> 'organization_id' limit 1) as target
     from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [`crm.${tableOf(entity)}`],
  );
  return columns.filter(({ name }) => !left.includes(name));
}

function otherValue(entity: EntityName, { name, type, target }: Column): string {
  const known = special[`${entity}.${name}`] ?? special[name];
  if (known) return known();
  if (target)
    return `(select o.id from ${target} o where o.organization_id = t.organization_id and o.id is distinct from t.${name} order by o.id limit 1)`;
  if (type === 'uuid') return `'${newId()}'`;
  if (type === 'uuid[]') return `array['${newId()}']::uuid[]`;
  if (type === 'text[]') return `array['x']`;
  if (type === 'jsonb') return `'{"x": 0.10000000000000000001}'`;
  if (type === 'boolean') return `not ${name}`;
  if (type === 'date') return `coalesce(${name}, '2026-01-01') + 1`;
  if (type.startsWith('timestamp')) return `coalesce(${name}, now()) + interval '1.123456 seconds'`;
  if (type === 'text')
    return name === 'rank' || name === 'position' ? `'a7'` : `coalesce(${name}, '') || ' x'`;
  return `coalesce(${name}, 0) + 1`;
}

const headNow = async (): Promise<number> => {
  const [row] = await ask<{ pos: string }>(
    'select pos from sync.org_clock where organization_id = $1',
    [team.owner.organizationId],
  );
  return Number(row?.pos);
};

const rowOf = async (entity: EntityName): Promise<Record<string, unknown> | undefined> => {
  const rule = rules[entity];
  const [row] = await ask<{ row: Record<string, string> }>(
    `select jsonb_object_agg(one.key, one.value::text) as row from ${tableOf(entity)} t, jsonb_each(to_jsonb(t)) one where t.id = $1`,
    [place.ids[entity]],
  );
  if (!row?.row) return undefined;
  const left = ['rev', 'updated_at', ...(rule === 'never' ? [] : (rule.derived ?? []))];
  return Object.fromEntries(Object.entries(row.row).filter(([name]) => !left.includes(name)));
};

test('every entity under the log has its rules, or is known to have none', async () => {
  const tracked = await ask<{ entity: string }>('select entity from sync.tracked order by 1');
  const unknown = tracked.map(({ entity }) => entity).filter((entity) => !(entity in rules));
  expect(unknown).toEqual(withoutRules);
});

/** What no browser holds and no person changes. */
const withoutRules = ['auditEvents', 'canaries'];

test.each(undoable)('%s: a change of any column goes back to the very value', async (entity) => {
  const table = tableOf(entity);
  const columns = await columnsOf(entity);
  expect(columns.length).toBeGreaterThan(0);
  for (const column of columns) {
    const before = await rowOf(entity);
    const together =
      entity === 'deals' && column.name === 'pipeline_id'
        ? `pipeline_id = (select s.pipeline_id from stages s where s.id = '${place.ids['stages']}'), stage_id = '${place.ids['stages']}'`
        : `${column.name} = ${otherValue(entity, column)}`;
    const id = place.ids[entity] ?? '';
    // Of two default pipelines the database would refuse one.
    if (column.name === 'is_default') await owner.pipelines.setDefault({ id });
    else await ask(`update ${table} t set ${together} where id = $1`, [id]);
    expect([column.name, await rowOf(entity)]).not.toEqual([column.name, before]);
    const { data } = await owner.undo.run({ position: await headNow() });
    expect([column.name, data.kept]).toEqual([column.name, []]);
    expect([column.name, await rowOf(entity)]).toEqual([column.name, before]);
  }
});

test.each([
  'dealProducts',
  'activities',
  'products',
  'lostReasons',
  'teams',
  'exchangeRates',
  'customers',
  'deals',
  'stages',
  'members',
  'roles',
] as const)('%s: a deletion, and its undo, and the undo of that', async (entity) => {
  if (entity === 'products') await ask('delete from deal_products');
  const before = await rowOf(entity);
  expect(before).toBeDefined();
  await ask(`delete from ${tableOf(entity)} where id = $1`, [place.ids[entity]]);
  const { data, position } = await owner.undo.run({ position: await headNow() });
  expect(data.kept).toEqual([]);
  expect(await rowOf(entity)).toEqual(before);
  await owner.undo.run({ position });
  expect(await rowOf(entity)).toBeUndefined();
});
