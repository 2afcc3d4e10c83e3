import { expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { notifications } from '#server/notifications/reader.ts';
import { as } from '#tests/auth/people.ts';
import { startTeam, type Board, type Calls, type Somebody } from '#tests/features/team.ts';
import { running } from '#tests/readers/reading.ts';

/**
 * Several people change deals, customers and notes, rights change meanwhile, and the reader is ended in the
 * middle of it again and again. What everybody has been told then is compared with a model in plain loops
 * that knows the rules of the product and nothing of the reader.
 */
interface Person extends Somebody {
  role: 'manager' | 'sales' | 'viewer';
  team: string | null;
  calls: Calls;
}
interface Thing {
  id: string;
  kind: 'deals' | 'customers';
  owner: string | null;
  author: string;
  state: 'open' | 'won';
}
/** One act that somebody was told of; a note has an owner of its own, by whom it is seen. */
interface Told {
  memberId: string;
  thing: Thing;
  noteOwner: string | null | undefined;
}

const cutOff = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'syncline readers'`;
const seeds = [3, 11, 29, 47];

test.each(seeds)(
  'everybody is told what the model says, no more and no less (seed %i)',
  async (seed) => {
    await using team = await startTeam();
    const board = await team.board();
    const random = dice(seed);
    const oneOf = <T>(some: readonly T[]): T => some[random(some.length)] as T;
    const join = async (role: Person['role'], name: string | null): Promise<Person> => {
      const who = await team.join(role, name ?? undefined);
      return { ...who, role, team: name, calls: await team.as(who) };
    };
    const people = [
      await join('manager', null),
      await join('manager', 'North'),
      await join('sales', 'North'),
      await join('sales', 'North'),
      await join('sales', 'South'),
      await join('viewer', null),
    ];
    const world = new World(people);
    const productId = newId();
    const head = await team.as(team.owner);
    await head.products.create({ id: productId, name: 'P', currency: 'EUR', price: '1' });
    let reading = await running(team.database.url, [notifications]);
    await reading.settle();

    for (let step = 0; step < 120; step += 1) {
      // Cut off from the database wherever it is, or ended; another one goes on.
      if (random(8) === 0) await team.database.owner.pool.query(cutOff);
      if (random(20) === 0) {
        await reading[Symbol.asyncDispose]();
        reading = await running(team.database.url, [notifications]);
      }
      if (random(12) === 0) {
        // Who may see what, and who has muted what, is asked when a change is read: so it has been read.
        await reading.settle();
        await changeRights({ team, world, oneOf });
        await reading.settle();
      } else await act({ world, board, productId, oneOf, random });
    }
    await reading.settle();
    await reading[Symbol.asyncDispose]();

    const { rows } = await team.database.owner.pool.query<{
      member: string;
      record: string;
      n: number;
    }>(
      `select member_id as member, record_id as record, sum(count)::int as n from crm.notifications group by 1, 2`,
    );
    for (const { memberId, role, team: name } of people) {
      const told = rows.filter(({ member }) => member === memberId);
      expect(
        told.map(({ record, n }) => [record, n]).sort(),
        `${role} of ${name ?? 'no team'}`,
      ).toEqual(world.countsOf(memberId));
    }
    const total = rows.reduce((sum, { n }) => sum + n, 0);
    expect(total).toBeGreaterThan(40);
  },
  120_000,
);

class World {
  readonly people: Person[];
  readonly things: Thing[] = [];
  readonly follows = new Map<string, 'following' | 'muted'>();
  told: Told[] = [];

  constructor(people: Person[]) {
    this.people = people;
  }

  sees({ role, memberId, team }: Person, owner: string | null): boolean {
    if (role !== 'sales') return true;
    if (owner === memberId) return true;
    const other = this.people.find((one) => one.memberId === owner);
    return team !== null && other?.team === team;
  }

  followers({ id, owner, author }: Thing): string[] {
    const chosen = this.people
      .map(({ memberId }) => memberId)
      .filter((member) => this.follows.get(`${member} ${id}`) === 'following');
    return [owner, author, ...chosen].filter((one) => one !== null);
  }

  /** One act is told once to each, unless it is one's own, unseen or muted. */
  tell(actor: Person, thing: Thing, members: string[], noteOwner?: string | null): void {
    for (const memberId of new Set(members)) {
      const who = this.people.find((one) => one.memberId === memberId);
      const told = { memberId, thing, noteOwner };
      if (!who || who === actor || !this.isSeen(told)) continue;
      if (this.follows.get(`${memberId} ${thing.id}`) === 'muted') continue;
      this.told.push(told);
    }
  }

  isSeen({ memberId, thing, noteOwner }: Told): boolean {
    const who = this.people.find((one) => one.memberId === memberId);
    if (!who || !this.sees(who, thing.owner)) return false;
    return noteOwner === undefined || this.sees(who, noteOwner);
  }

  /** What somebody does not see any more, he was never told of. */
  hide(): void {
    this.told = this.told.filter((told) => this.isSeen(told));
  }

  /** How many acts of which record somebody is told of. */
  countsOf(memberId: string): [string, number][] {
    const mine = Map.groupBy(
      this.told.filter((one) => one.memberId === memberId),
      ({ thing }) => thing.id,
    );
    return [...mine].map(([id, some]): [string, number] => [id, some.length]).sort();
  }
}

interface Here {
  world: World;
  oneOf: <T>(some: readonly T[]) => T;
}

async function act({
  world,
  board,
  productId,
  oneOf,
  random,
}: Here & { board: Board; productId: string; random: (below: number) => number }): Promise<void> {
  const who = oneOf(world.people.filter(({ role }) => role !== 'viewer'));
  const { calls, memberId } = who;
  const mine = world.things.filter(({ owner }) => world.sees(who, owner));
  const team = world.people.filter(
    (one) =>
      one.role !== 'viewer' && (who.role === 'manager' || (who.team && one.team === who.team)),
  );
  const colleague = oneOf(team.length > 0 ? team : [who]);
  const [thing] = mine.length > 0 ? [oneOf(mine)] : [];
  const what = random(9);
  if (!thing || what === 0) {
    const kind = oneOf(['deals', 'customers'] as const);
    const made: Thing = {
      id: newId(),
      kind,
      owner: colleague.memberId,
      author: memberId,
      state: 'open',
    };
    if (kind === 'deals') {
      await calls.deals.create({
        ...{ id: made.id, pipelineId: board.pipelineId, stageId: board.stage('Lead') },
        ...{ rank: 'a0', title: 'D', currency: 'EUR', ownerId: made.owner },
      });
    } else await calls.customers.create({ id: made.id, name: 'C', ownerId: made.owner });
    world.things.push(made);
    world.tell(who, made, [colleague.memberId]);
    return;
  }
  const { id, kind } = thing;
  if (what === 1) {
    const owner = colleague.memberId;
    await (kind === 'deals'
      ? calls.deals.update({ id, ownerId: owner })
      : calls.customers.update({ id, ownerId: owner }));
    if (owner === thing.owner) return;
    // Given away: the new owner hears that, the others that something changed.
    thing.owner = owner;
    world.tell(who, thing, [owner, ...world.followers(thing)]);
    world.hide();
  } else if (what === 2 && kind === 'deals') {
    if (thing.state === 'open') await calls.deals.markWon({ id });
    else await calls.deals.reopen({ id });
    thing.state = thing.state === 'open' ? 'won' : 'open';
    world.tell(who, thing, world.followers(thing));
  } else if (what === 8 && kind === 'deals') {
    await calls.dealProducts.add({ id: newId(), dealId: id, productId });
    world.tell(who, thing, world.followers(thing));
  } else if (what === 3) {
    const note = { id: newId(), kind: 'note' as const, title: 'N', doneAt: Date.now() };
    await calls.activities.create({
      ...note,
      ownerId: thing.owner,
      ...(kind === 'deals' ? { dealId: id } : { customerId: id }),
    });
    world.tell(who, thing, world.followers(thing), thing.owner);
  } else {
    const text = newId();
    await (kind === 'deals'
      ? calls.deals.update({ id, title: text })
      : calls.customers.update({ id, city: text }));
    world.tell(who, thing, world.followers(thing));
  }
}

async function changeRights({
  team,
  world,
  oneOf,
}: Here & { team: Awaited<ReturnType<typeof startTeam>> }): Promise<void> {
  const who = oneOf(world.people);
  const thing = world.things.length > 0 ? oneOf(world.things) : undefined;
  const head = await as(team.app, team.owner);
  if (thing && world.sees(who, thing.owner) && oneOf([true, false])) {
    const state = oneOf(['following', 'muted', 'asUsual'] as const);
    await who.calls.follows.set({ id: newId(), entity: thing.kind, recordId: thing.id, state });
    if (state === 'asUsual') world.follows.delete(`${who.memberId} ${thing.id}`);
    else world.follows.set(`${who.memberId} ${thing.id}`, state);
    return;
  }
  const { items: roles } = await head.roles.list();
  const teams = await head.teams.list();
  who.role = oneOf(['manager', 'sales', 'viewer'] as const);
  who.team = oneOf(['North', 'South', null]);
  await head.members.update({
    id: who.memberId,
    roleId: roles.find(({ slug }) => slug === who.role)?.id,
    teamId: teams.find(({ name }) => name === who.team)?.id ?? null,
  });
  who.calls = await team.as(who);
  // Rights are looked at in the context of a call: everybody's are taken anew.
  for (const one of world.people) one.calls = await team.as(one);
  world.hide();
}

function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}
