import { addDays, dayIn, type Day } from '#lib/shared/dates.ts';
import { newId } from '#lib/shared/ids.ts';
import { minorDigits } from '#lib/shared/money.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import { builtInRoles } from './access.ts';
import type { DemoDeal, DemoOrganization, DemoPipeline } from './demo-plan.ts';
import type { Tx } from './live/transaction.ts';

const HALF_HOUR = 1_800_000;
const DAY = 86_400_000;

/** One organization on its way into the database: what has an id already, by its name. */
export class Filling {
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

const named = (names: string[]): Map<string, string> =>
  new Map(names.map((name) => [name, newId()]));

function must<V>(map: Map<string, V>, name: string): V {
  const found = map.get(name);
  if (found === undefined) throw new Error(`The demo data names ${name}, who is not in it`);
  return found;
}
