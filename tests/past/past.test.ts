import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { listKey } from '#lib/shared/listings.ts';
import { totalsKey } from '#lib/shared/totals.ts';
import { newDeal, startTeam, type Board, type Calls, type Somebody } from '#tests/features/team.ts';
import { dice } from '#tests/support/dice.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

type Row = Record<string, unknown> & { id: string };
type Tables = Record<'deals' | 'customers' | 'stages', Map<string, Row>>;

/** What stands in the tables, read past the application. */
async function photograph(): Promise<{ at: string; tables: Tables }> {
  const { pool } = team.database.owner;
  const read = async (table: string): Promise<Map<string, Row>> => {
    const { rows } = await pool.query<{ row: Row }>(
      `select to_jsonb(t) as row from crm.${table} t where organization_id = $1`,
      [team.owner.organizationId],
    );
    return new Map(rows.map(({ row }) => [row.id, row]));
  };
  const tables = {
    deals: await read('deals'),
    customers: await read('customers'),
    stages: await read('stages'),
  };
  const { rows } = await pool.query<{ at: Date }>('select clock_timestamp() as at');
  return { at: rows[0]?.at.toISOString() ?? '', tables };
}

const inPsql = (statement: string, values: unknown[]): Promise<unknown> =>
  team.database.owner.pool.query(statement, values);

test('boards, lists and totals of many moments are what stood in the tables then', async () => {
  const stageIds = ['Lead', 'Qualified', 'Negotiation', 'Won'].map((name) => board.stage(name));
  const below = dice(7);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const ann = await team.join('sales', 'North');
  const bob = await team.join('sales', 'South');
  const vera = await team.join('viewer');
  const people = [team.owner, ann, bob, vera];
  const calls = new Map<Somebody, Calls>();
  for (const one of people) calls.set(one, await team.as(one));
  const editors = [team.owner, ann, bob];
  const last = new Map<string, Row>();
  const moments: Awaited<ReturnType<typeof photograph>>[] = [];
  const known = async () => [...(await photograph()).tables.deals.keys()];

  for (let round = 0; round < 12; round += 1) {
    for (let count = 0; count < 12; count += 1) {
      const actor = pick(editors);
      const call = calls.get(actor) as Calls;
      const ids = await known();
      const id = ids.length > 0 ? pick(ids) : undefined;
      const what = below(8);
      // What somebody may not do is refused, and changes nothing.
      if (!id || what === 0) await newDeal(call, board);
      else if (what === 1)
        await call.deals.move({ id, stageId: pick(stageIds) }).catch(() => undefined);
      else if (what === 2)
        await call.deals.update({ id, value: below(9_000) }).catch(() => undefined);
      else if (what === 3)
        await call.deals.update({ id, ownerId: pick([ann, bob]).memberId }).catch(() => undefined);
      else if (what === 4) {
        const { deals } = (await photograph()).tables;
        const row = deals.get(id);
        const done = await call.deals.delete({ id }).catch(() => undefined);
        if (done && row) last.set(id, row);
      } else if (what === 5)
        await call.customers.create({ id: newId(), name: `Customer ${round} ${count}` });
      else if (what === 6)
        await inPsql('update crm.deals set title = $2 where id = $1', [id, `Psql ${count}`]);
      else
        await inPsql('update crm.stages set name = name || $2 where id = $1', [stageIds[0], '.']);
    }
    moments.push(await photograph());
  }

  const now = (await photograph()).tables;
  const teams = new Map([
    [ann.memberId, await teamOf(ann)],
    [bob.memberId, await teamOf(bob)],
  ]);
  /** By today's row, or the last one there was. */
  const sees = (who: Somebody, table: 'deals' | 'customers', id: string): boolean => {
    if (who === team.owner || who === vera) return true;
    const row = now[table].get(id) ?? last.get(id);
    return row?.['owner_id'] === who.memberId || row?.['team_id'] === teams.get(who.memberId);
  };

  let compared = 0;
  for (const { at, tables } of moments) {
    for (const who of people) {
      const { past } = calls.get(who) as Calls;
      const seen = [...tables.deals.values()].filter(({ id }) => sees(who, 'deals', id));
      const open = seen.filter((row) => row['state'] === 'open');
      const { columns, items } = await past.topic({
        at,
        key: `pipelineDeals/${board.pipelineId}/open`,
      });
      const told = items.map(([id, , ...values]) => ({
        id,
        title: values[columns.indexOf('title')],
        stage: values[columns.indexOf('stageId')],
        value: values[columns.indexOf('value')],
      }));
      const expected = open.map((row) => ({
        id: row.id,
        title: row['title'],
        stage: row['stage_id'],
        value: row['value'],
      }));
      expect(sorted(told)).toEqual(sorted(expected));

      const stages = await past.topic({ at, key: 'stages' });
      const names = stages.items.map(([, , ...values]) => values[stages.columns.indexOf('name')]);
      expect(names.sort()).toEqual([...tables.stages.values()].map((row) => row['name']).sort());

      const key = totalsKey('dealTotals', { pipelineId: board.pipelineId, today: at.slice(0, 10) });
      const figured = await past.figures({ at, key });
      const figures = Object.fromEntries(
        figured.items.map(([group, sums]) => [group, (sums ?? []).slice(0, 2)]),
      );
      const counted: Record<string, number[]> = {};
      for (const row of seen) {
        const group = `${String(row['stage_id'])}/${String(row['currency'])}`;
        const [count = 0, sum = 0] = counted[group] ?? [];
        counted[group] = [count + 1, sum + Number(row['value'] ?? 0)];
      }
      expect(figures).toEqual(counted);

      const list = await past.list({ at, key: listKey('customerList', { sort: 'name' }) });
      const customers = [...tables.customers.keys()].filter((id) => sees(who, 'customers', id));
      expect(list.total).toBe(customers.length);
      compared += items.length + list.total;
    }
  }
  expect(compared).toBeGreaterThan(300);

  const [first] = moments;
  if (!first) throw new Error('There is no moment');
  const { past } = calls.get(ann) as Calls;
  const told = await past.differences({ at: first.at, entity: 'deals' });
  const gone = [...first.tables.deals.keys()].filter(
    (id) => sees(ann, 'deals', id) && !now.deals.has(id),
  );
  expect(
    told.changed
      .filter((one) => one.now === null)
      .map(({ id }) => id)
      .sort(),
  ).toEqual(gone.sort());
  const added = [...now.deals.keys()].filter(
    (id) => sees(ann, 'deals', id) && !first.tables.deals.has(id),
  );
  expect(told.added).toBe(added.length);
  for (const { id, now: today } of told.changed.filter((one) => one.now)) {
    expect(sees(ann, 'deals', id)).toBe(true);
    if (today && 'title' in today) expect(today['title']).toBe(now.deals.get(id)?.['title']);
  }
}, 120_000);

test('who may not see a kind of record has no past of it, and nothing older than the log is asked for', async () => {
  const customer = await team.as(await team.join('customer'));
  const at = new Date().toISOString();
  const key = `pipelineDeals/${board.pipelineId}/open`;
  await expect(customer.past.topic({ at, key })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  const owner = await team.as(team.owner);
  const old = new Date(Date.now() - 40 * 86_400_000).toISOString();
  await expect(owner.past.topic({ at: old, key })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await expect(owner.past.topic({ at, key: 'nothing/at-all' })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  });
});

async function teamOf({ memberId }: Somebody): Promise<string> {
  const { rows } = await team.database.owner.pool.query<{ id: string }>(
    'select team_id as id from crm.members where id = $1',
    [memberId],
  );
  return rows[0]?.id ?? '';
}

const sorted = <R extends { id: string }>(rows: R[]): R[] =>
  rows.toSorted((a, b) => a.id.localeCompare(b.id));
