import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { startTeam, type Board, type Calls } from '#tests/features/team.ts';
import { dice } from '#tests/support/dice.ts';

/**
 * Two people and an administrator in psql change deals and customers at random, and changes are undone in
 * random order, undos too. A model in plain loops, which knows the rules and nothing of the code, must come
 * to the same rows after every step.
 */
const steps = 600;
const roll = dice(20_261_122);
const oneOf = <T>(list: readonly T[]): T => list[roll(list.length)] as T;

type Table = 'deals' | 'customers';
type Fields = Record<string, unknown>;
interface Change {
  table: Table;
  id: string;
  before?: Fields;
  after?: Fields;
}

const columns = {
  deals: ['title', 'description', 'priority', 'value', 'stage_id', 'customer_id'],
  customers: ['name', 'city', 'notes', 'status'],
} as const;

/** Rows by id, and what each position of the log did to them, in order. */
class Model {
  readonly rows = { deals: new Map<string, Fields>(), customers: new Map<string, Fields>() };
  readonly log = new Map<number, Change[]>();

  /** Makes changes, and remembers them under a position. */
  write(position: number, changes: Change[]): void {
    const done: Change[] = [];
    for (const change of changes) done.push(...this.#apply(change));
    if (done.length > 0) this.log.set(position, done);
  }

  #apply({ table, id, before, after }: Change): Change[] {
    const rows = this.rows[table];
    if (!after) {
      const whole = { ...rows.get(id) };
      rows.delete(id);
      const left = table === 'customers' ? this.#loosen(id) : [];
      return [...left, { table, id, before: whole }];
    }
    if (!before) {
      rows.set(id, { ...after });
      return [{ table, id, after: { ...after } }];
    }
    const now = rows.get(id) ?? {};
    const changed = Object.keys(after).filter((name) => now[name] !== after[name]);
    if (changed.length === 0) return [];
    const pick = (from: Fields) => Object.fromEntries(changed.map((name) => [name, from[name]]));
    const change = { table, id, before: pick(now), after: pick(after) };
    rows.set(id, { ...now, ...change.after });
    return [change];
  }

  /** The deals of a customer that is deleted have none. */
  #loosen(customer: string): Change[] {
    return [...this.rows.deals]
      .filter(([, deal]) => deal['customer_id'] === customer)
      .flatMap(([id]) =>
        this.#apply({ table: 'deals', id, before: {}, after: { customer_id: null } }),
      );
  }

  /** What an undo of a position has to do now, the newest first. */
  undo(position: number): Change[] {
    const done: Change[] = [];
    const model = this.#copy();
    for (const { table, id, before, after } of (this.log.get(position) ?? []).toReversed()) {
      const now = model.rows[table].get(id);
      let change: Change | undefined;
      if (before && after && now) {
        const free = Object.keys(after).filter(
          (name) => now[name] === after[name] && model.#isThere(name, before[name]),
        );
        const wanted = Object.fromEntries(free.map((name) => [name, before[name]]));
        if (free.length > 0) change = { table, id, before: {}, after: wanted };
      } else if (before && !after && !now) {
        const kept = model.#isThere('customer_id', before['customer_id'])
          ? before
          : { ...before, customer_id: null };
        change = { table, id, after: kept };
      } else if (!before && after && now) {
        const isSame = Object.keys(after).every((name) => now[name] === after[name]);
        const isUsed = [...model.rows.deals.values()].some((deal) => deal['customer_id'] === id);
        if (isSame && !isUsed) change = { table, id, before: now };
      }
      if (!change) continue;
      model.#apply(change);
      done.push(change);
    }
    return done;
  }

  #isThere(name: string, value: unknown): boolean {
    return name !== 'customer_id' || value == null || this.rows.customers.has(value as string);
  }

  #copy(): Model {
    const copy = new Model();
    for (const [id, row] of this.rows.deals) copy.rows.deals.set(id, row);
    for (const [id, row] of this.rows.customers) copy.rows.customers.set(id, row);
    return copy;
  }
}

let team: Awaited<ReturnType<typeof startTeam>>;
let people: Calls[];
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  people = [await team.as(team.owner), await team.as(await team.join('admin'))];
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

const pool = () => team.database.owner.pool;

async function head(): Promise<number> {
  const { rows } = await pool().query<{ pos: string }>(
    'select pos from sync.org_clock where organization_id = $1',
    [team.owner.organizationId],
  );
  return Number(rows[0]?.pos);
}

async function inDatabase(table: Table): Promise<Map<string, Fields>> {
  const { rows } = await pool().query<Fields & { id: string }>(
    `select id, ${columns[table].join(', ')} from ${table} where organization_id = $1`,
    [team.owner.organizationId],
  );
  return new Map(rows.map(({ id, ...fields }) => [id, fields]));
}

const sorted = (rows: Map<string, Fields>) =>
  [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, fields]) => ({ id, ...fields }));

const camel = (name: string) => name.replace(/_([a-z])/g, (_, one: string) => one.toUpperCase());

function someFields(table: Table, model: Model, stages: string[]): Fields {
  const word = () => `word ${roll(4)}`;
  const customers = [...model.rows.customers.keys(), null];
  const values: Record<string, () => unknown> = {
    title: word,
    description: word,
    priority: () => oneOf(['low', 'medium', 'high']),
    value: () => oneOf([null, 100, 200]),
    stage_id: () => oneOf(stages),
    customer_id: () => oneOf(customers),
    name: word,
    city: () => oneOf([null, 'Omsk', 'Tomsk']),
    notes: word,
    status: () => oneOf(['lead', 'active']),
  };
  const chosen = columns[table].filter(() => roll(3) === 0);
  const names = chosen.length > 0 ? chosen : [columns[table][0]];
  return Object.fromEntries(names.map((name) => [name, values[name]?.()]));
}

test('an undo, in whatever order, does what a model in plain loops does', async () => {
  const model = new Model();
  const stages = ['Lead', 'Qualified', 'Proposal'].map(board.stage).filter(Boolean);
  let undone = 0;
  for (let step = 0; step < steps; step += 1) {
    const calls = oneOf(people);
    const table = oneOf(['deals', 'deals', 'customers'] as const);
    const ids = [...model.rows[table].keys()];
    const id = ids.length > 0 ? oneOf(ids) : '';
    const kind = roll(12);
    let changes: Change[];
    let position: number;
    if (id === '' || kind < 2) {
      const made = newId();
      const fields = { title: 'New', description: '', priority: 'medium', value: 100 };
      const place = { stage_id: stages[0], customer_id: null };
      const after =
        table === 'deals'
          ? { ...fields, ...place }
          : { name: 'New', city: null, notes: '', status: 'lead' };
      const { pipelineId } = board;
      ({ position } =
        table === 'deals'
          ? await calls.deals.create({
              ...fields,
              id: made,
              pipelineId,
              stageId: stages[0] ?? '',
              rank: 'a0',
              currency: 'USD',
              priority: 'medium',
            })
          : await calls.customers.create({ id: made, name: 'New' }));
      changes = [{ table, id: made, after }];
    } else if (kind === 2) {
      await pool().query(`delete from ${table} where id = $1`, [id]);
      [changes, position] = [[{ table, id, before: {} }], await head()];
    } else if (kind < 6) {
      const after = someFields(table, model, stages);
      const { stage_id: stageId, ...fields } = after;
      const input = Object.fromEntries(
        Object.entries(fields).map(([name, to]) => [camel(name), to]),
      );
      if (stageId) {
        ({ position } = await calls.deals.move({ id, stageId: String(stageId), rank: 'a0' }));
        changes = [{ table, id, before: {}, after: { stage_id: stageId } }];
      } else {
        ({ position } = await calls[table].update({ id, ...input }));
        changes = [{ table, id, before: {}, after }];
      }
    } else if (kind < 8) {
      // Several at once, by hand.
      const some = ids.filter(() => roll(2) === 0);
      const [name = '', value] = Object.entries(someFields(table, model, stages))[0] ?? [];
      await pool().query(`update ${table} set ${name} = $1 where id = any($2)`, [value, some]);
      changes = some.map((one) => ({ table, id: one, before: {}, after: { [name]: value } }));
      position = await head();
    } else {
      const target = oneOf([...model.log.keys()]);
      changes = model.undo(target);
      const done = await calls.undo.run({ position: target }).catch((error: unknown) => {
        // There is nothing to undo any more: the model must say so too.
        if (String(error).includes('NOT_FOUND')) return undefined;
        throw error;
      });
      position = done?.position ?? (await head());
      undone += changes.length;
    }
    model.write(position, changes);
    for (const one of ['deals', 'customers'] as const)
      expect([step, kind, sorted(await inDatabase(one))]).toEqual([
        step,
        kind,
        sorted(model.rows[one]),
      ]);
  }
  expect(undone).toBeGreaterThan(100);
}, 120_000);
