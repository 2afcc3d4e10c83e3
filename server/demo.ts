import { sql } from 'kysely';
import { addDays, dayIn, type Day } from '#lib/shared/dates.ts';
import { newId } from '#lib/shared/ids.ts';
import { minorDigits } from '#lib/shared/money.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import { builtInRoles } from './access.ts';
import { hashPassword } from './auth/password.ts';
import {
  type DemoDeal,
  type DemoOrganization,
  type DemoPipeline,
  nordlicht,
  polaris,
} from './demo-data.ts';
import { commit, type Committer } from './live/commit.ts';
import type { Tx } from './live/transaction.ts';

const FILLING = 7_390_154_031;
const HALF_HOUR = 1_800_000;
const DAY = 86_400_000;

/**
 * Puts the demo organizations and their people in, all of it or nothing, where nobody has signed up
 * yet. Answers whether it did; safe to call at every start and from several processes.
 */
export async function fillDemo(
  { live }: { live: Committer },
  { password, now = new Date() }: { password: string; now?: Date },
): Promise<boolean> {
  const [first, second] = [polaris, nordlicht].map((plan) => new Filling(plan, now));
  if (!first || !second || (await isInUse(live))) return false;
  const passwordHash = await hashPassword(password);
  const scope = { organizationId: first.id, actor: first.actor };
  const { data: isFilled } = await commit(live, scope, async (tx) => {
    await sql`select pg_advisory_xact_lock(${FILLING}::bigint)`.execute(tx);
    if (await hasUsers(tx)) return false;
    const users = await addUsers(tx, { passwordHash, now });
    await first.fill(tx, users);
    await sql`select set_config('app.organization_id', ${second.id}, true),
      set_config('app.actor', ${second.actor}, true)`.execute(tx);
    await second.fill(tx, users);
    return true;
  });
  if (isFilled) await leaveHistory(live, first);
  return isFilled;
}

async function isInUse({ pool }: Committer): Promise<boolean> {
  const { rows } = await pool.query('select from platform.users limit 1');
  return rows.length > 0;
}

async function hasUsers(tx: Tx): Promise<boolean> {
  return (await tx.selectFrom('platform.users').select('id').limit(1).execute()).length > 0;
}

async function addUsers(
  tx: Tx,
  { passwordHash, now }: { passwordHash: string; now: Date },
): Promise<Map<string, string>> {
  const people = polaris.people.flatMap(({ name, email }) =>
    email ? [{ id: newId(), email, name, locale: polaris.locale }] : [],
  );
  await tx
    .insertInto('platform.users')
    .values(people.map((person) => ({ ...person, passwordHash, passwordChangedAt: now })))
    .execute();
  return new Map(people.map(({ email, id }) => [email, id]));
}

/** One organization on its way into the database: what has an id already, by its name. */
class Filling {
  readonly id = newId();
  readonly #plan: DemoOrganization;
  readonly #now: Date;
  readonly #today: Day;
  readonly #members: Map<string, string>;
  readonly #teams: Map<string, string>;
  readonly #customers: Map<string, string>;
  readonly #products: Map<string, { id: string; price: string }>;
  readonly #lostReasons: Map<string, string>;

  constructor(plan: DemoOrganization, now: Date) {
    this.#plan = plan;
    this.#now = now;
    this.#today = dayIn(plan.timeZone, now);
    this.#members = named(plan.people.map(({ name }) => name));
    this.#teams = named(plan.teams);
    this.#customers = named(plan.customers.map(({ name }) => name));
    this.#products = new Map(
      plan.products.map(({ name, price }) => [name, { id: newId(), price }]),
    );
    this.#lostReasons = named(plan.lostReasons);
  }

  get actor(): string {
    return this.memberId(this.#plan.people[0]?.name ?? '');
  }

  memberId(name: string): string {
    return must(this.#members, name);
  }

  async fill(tx: Tx, users: Map<string, string>): Promise<void> {
    await this.#addDirectory(tx, users);
    await this.#addRecords(tx);
    let position: string | null = null;
    for (const pipeline of this.#plan.pipelines) {
      position = rankBetween(position, null);
      await this.#addPipeline(tx, { pipeline, position });
    }
  }

  async #addDirectory(tx: Tx, users: Map<string, string>): Promise<void> {
    const { name, slug, currency, timeZone, locale, people, rates } = this.#plan;
    const organizationId = this.id;
    const roles = named(builtInRoles.map((role) => role.slug));
    await tx
      .insertInto('organizations')
      .values({ organizationId, id: organizationId, name, slug, currency, timeZone, locale })
      .execute();
    await tx
      .insertInto('roles')
      .values(
        builtInRoles.map(({ access, ...role }) => ({
          ...role,
          organizationId,
          id: must(roles, role.slug),
          isBuiltIn: true,
          access: JSON.stringify(access),
        })),
      )
      .execute();
    await tx
      .insertInto('teams')
      .values([...this.#teams].map(([team, id]) => ({ organizationId, id, name: team })))
      .execute();
    await tx
      .insertInto('members')
      .values(
        people.map((person) => ({
          organizationId,
          id: this.memberId(person.name),
          name: person.name,
          email: person.email ?? null,
          userId: (person.email && users.get(person.email)) ?? null,
          roleId: must(roles, person.role),
          teamId: person.team ? must(this.#teams, person.team) : null,
        })),
      )
      .execute();
    const validFrom = addDays(this.#today, -365);
    const known = Object.entries(rates).map(([of, rate]) => ({
      organizationId,
      currency: of,
      rate,
      validFrom,
    }));
    if (known.length > 0) await tx.insertInto('exchangeRates').values(known).execute();
  }

  async #addRecords(tx: Tx): Promise<void> {
    const organizationId = this.id;
    const { customers, products, currency } = this.#plan;
    await tx
      .insertInto('customers')
      .values(
        customers.map(({ owner, ...customer }) => ({
          ...customer,
          organizationId,
          id: must(this.#customers, customer.name),
          code: '',
          type: 'business' as const,
          ownerId: this.memberId(owner),
          createdBy: this.actor,
        })),
      )
      .execute();
    await tx
      .insertInto('products')
      .values(
        products.map((product) => ({
          ...product,
          organizationId,
          id: must(this.#products, product.name).id,
          currency,
        })),
      )
      .execute();
    let position: string | null = null;
    const reasons = [...this.#lostReasons].map(([name, id]) => {
      position = rankBetween(position, null);
      return { organizationId, id, name, position };
    });
    await tx.insertInto('lostReasons').values(reasons).execute();
  }

  async #addPipeline(
    tx: Tx,
    { pipeline, position }: { pipeline: DemoPipeline; position: string },
  ): Promise<void> {
    const organizationId = this.id;
    const pipelineId = newId();
    await tx
      .insertInto('pipelines')
      .values({
        organizationId,
        id: pipelineId,
        name: pipeline.name,
        isDefault: pipeline === this.#plan.pipelines[0],
        position,
      })
      .execute();
    let place: string | null = null;
    const stages = pipeline.stages.map(({ deals, rottingDays = null, ...stage }) => {
      place = rankBetween(place, null);
      return {
        row: { ...stage, organizationId, id: newId(), pipelineId, rottingDays, position: place },
        deals,
      };
    });
    await tx
      .insertInto('stages')
      .values(stages.map(({ row }) => row))
      .execute();
    const deals = stages.flatMap(({ row, deals: planned }) => {
      let rank: string | null = null;
      return planned.map((deal) => {
        rank = rankBetween(rank, null);
        return {
          deal,
          id: newId(),
          pipelineId,
          stageId: row.id,
          rank,
          isOpen: row.kind === 'open',
        };
      });
    });
    await tx
      .insertInto('deals')
      .values(deals.map((placed) => this.#dealRow(placed)))
      .execute();
    const lines = deals.flatMap(({ deal, id }) => this.#lineRows(deal, id));
    if (lines.length > 0) await tx.insertInto('dealProducts').values(lines).execute();
    const activities = deals.flatMap(({ deal, id }) => this.#activityRows(deal, id));
    if (activities.length > 0) await tx.insertInto('activities').values(activities).execute();
  }

  #dealRow({ deal, isOpen, ...place }: PlacedDeal) {
    const currency = deal.currency ?? this.#plan.currency;
    const enteredAt = new Date(this.#now.getTime() - deal.since * DAY);
    return {
      ...place,
      organizationId: this.id,
      title: deal.title,
      customerId: must(this.#customers, deal.customer),
      ownerId: this.memberId(deal.owner),
      value: deal.value * 10 ** minorDigits(currency),
      currency,
      openedOn: addDays(this.#today, -deal.since - 5),
      expectedCloseOn: isOpen ? addDays(this.#today, deal.closes) : null,
      closedOn: isOpen ? null : addDays(this.#today, -deal.closes),
      priority: deal.isUrgent ? ('urgent' as const) : ('medium' as const),
      tags: deal.tags ?? [],
      lostReasonId: deal.lostReason ? must(this.#lostReasons, deal.lostReason) : null,
      stageEnteredAt: enteredAt,
      createdAt: new Date(enteredAt.getTime() - 5 * DAY),
      createdBy: this.memberId(deal.owner),
    };
  }

  #lineRows({ lines = [] }: DemoDeal, dealId: string) {
    return lines.map(([name, quantity]) => {
      const { id, price } = must(this.#products, name);
      return {
        organizationId: this.id,
        dealId,
        productId: id,
        quantity,
        unitPrice: price,
        currency: this.#plan.currency,
      };
    });
  }

  #activityRows({ activity, customer, owner }: DemoDeal, dealId: string) {
    if (!activity) return [];
    const { inDays, ...what } = activity;
    return [
      {
        ...what,
        organizationId: this.id,
        id: newId(),
        dealId,
        customerId: must(this.#customers, customer),
        ownerId: this.memberId(owner),
        dueAt: this.#dueAt(inDays),
        createdBy: this.memberId(owner),
      },
    ];
  }

  // What is due today lies a little ahead, but never past midnight of the organization's zone.
  #dueAt(inDays: number): Date {
    const now = this.#now.getTime();
    if (inDays !== 0) return new Date(Math.ceil(now / HALF_HOUR) * HALF_HOUR + inDays * DAY);
    const ahead = new Date(Math.ceil(now / HALF_HOUR) * HALF_HOUR + 4 * HALF_HOUR);
    return dayIn(this.#plan.timeZone, ahead) === this.#today ? ahead : new Date(now + 60_000);
  }
}

interface PlacedDeal {
  deal: DemoDeal;
  id: string;
  pipelineId: string;
  stageId: string;
  rank: string;
  isOpen: boolean;
}

/** So that a deal's history has more to tell than that it was made. */
async function leaveHistory(live: Committer, filling: Filling): Promise<void> {
  const scope = { organizationId: filling.id, actor: filling.memberId('Анна Ковалёва') };
  await commit(live, scope, (tx) =>
    tx
      .updateTable('deals')
      .set({ value: 111_000_000, priority: 'high' })
      .where('organizationId', '=', filling.id)
      .where('title', '=', 'Пять точек: докомплектация')
      .execute(),
  );
}

const named = (names: string[]): Map<string, string> =>
  new Map(names.map((name) => [name, newId()]));

function must<V>(map: Map<string, V>, name: string): V {
  const found = map.get(name);
  if (found === undefined) throw new Error(`The demo data names ${name}, who is not in it`);
  return found;
}
