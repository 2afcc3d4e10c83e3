import { tick } from 'svelte';
import type { LiveList, ListPlace } from '#lib/live/list.svelte.ts';
import type { OpenLive } from '#lib/live/context.ts';
import { customerMatcher, type CustomerListParams } from '#lib/shared/customer-list.ts';
import type { Customer } from '#lib/shared/entities.ts';
import { ratesOn, totalIn, type TotalMoney } from '#lib/shared/money.ts';
import type { Toasts } from '#lib/ui/toasts.svelte.ts';
import type { Words } from '#lib/ui/words.svelte.ts';
import { columns, type Column } from './columns.ts';
import { CustomerActions } from './customer-actions.ts';
import { filterOf, isEmptyFilter, withFilter, type CustomerFilter } from './customer-filter.ts';
import { CustomerPeople } from './people.svelte.ts';

/** The open deals of a customer: how many, and their sum in one currency. */
interface OpenDeals {
  count: number;
  sum: TotalMoney;
}

interface Sort {
  column: Column;
  isDescending: boolean;
}

interface Surroundings {
  live: OpenLive;
  words: Words;
  toasts: Toasts;
  organization: () => { slug: string; currency: string };
  url: () => URL;
  /** Live totals of open deals, by `customer/currency`. */
  totals: () => Iterable<[string, readonly number[]]>;
  /** How many customers there are of each status. */
  counts: () => ReadonlyMap<string, readonly number[]>;
  /** The list that is shown: the one asked for, or still the one before it. */
  list: () => LiveList | undefined;
  goTo: (url: URL, options: { isReplacing: boolean }) => void;
}

/** Sums over a filtered list are made of no more customers than these. */
const mostSummed = 10_000;

/** One row of the table: its record is here, or on its way. */
export interface Entry extends ListPlace {
  row: Customer | undefined;
}

/** What the table of customers shows. Writes are in `actions`, others' presence in `people`. */
export class Customers {
  readonly live: OpenLive;
  readonly words: Words;
  readonly actions: CustomerActions;
  readonly people: CustomerPeople;
  readonly #around: Surroundings;

  /** The cell that the keyboard is in. */
  active = $state.raw<{ id: string; column: Column }>();
  isEditing = $state(false);
  isCreating = $state(false);
  /** Customers that others changed since I looked last. */
  news = $state.raw<ReadonlySet<string>>(new Set());

  constructor(around: Surroundings) {
    this.#around = around;
    this.live = around.live;
    this.words = around.words;
    this.actions = new CustomerActions({ customers: this, ...around });
    this.people = new CustomerPeople(this);
  }

  get me() {
    return this.live.me;
  }
  get home(): string {
    return `/o/${this.#around.organization().slug}`;
  }
  get currency(): string {
    return this.#around.organization().currency;
  }

  readonly filter = $derived.by(() => filterOf(this.#around.url().searchParams));
  readonly isFiltered = $derived(!isEmptyFilter(this.filter));
  readonly sort = $derived.by((): Sort => {
    const asked = this.#around.url().searchParams.get('sort') ?? 'name';
    const column = columns.find((one) => one === asked.replace(/^-/, '')) ?? 'name';
    return { column, isDescending: asked.startsWith('-') };
  });
  readonly openId = $derived.by(() => this.#around.url().searchParams.get('customer') ?? undefined);

  readonly listParams = $derived.by((): CustomerListParams => {
    const { owner, ...filter } = this.filter;
    const given = Object.entries(filter).filter(([, value]) => value !== undefined);
    return {
      ...Object.fromEntries(given),
      ...(owner ? { ownerId: owner === 'me' ? this.me.memberId : owner } : {}),
      sort: this.sort.column,
      ...(this.sort.isDescending ? { descending: true } : {}),
    };
  });
  /** Made here and not on the server yet: they stand above the list. */
  readonly #fresh = $derived.by(() => {
    const fits = customerMatcher(this.listParams);
    const isListed = (id: string): boolean => (this.#around.list()?.placeOf(id) ?? -1) >= 0;
    const made = this.live.rows('customers').all.filter(({ code }) => code === '');
    return made.filter((one) => fits(one) && !isListed(one.id));
  });
  readonly owners = $derived.by(() =>
    this.live
      .rows('members')
      .all.filter(({ isActive }) => isActive)
      .sort((a, b) => a.name.localeCompare(b.name, this.words.locale)),
  );
  /** The tags that customers have, most used first; asked for once. */
  tags = $state.raw<string[]>([]);

  readonly #rates = $derived.by(() =>
    ratesOn(this.words.today, this.live.rows('exchangeRates').all),
  );
  readonly #amounts = $derived.by(() => {
    const amounts = new Map<string, { currency: string; count: number; value: number }[]>();
    for (const [group, [count = 0, value = 0]] of this.#around.totals()) {
      const [id = '', currency = ''] = group.split('/');
      amounts.set(id, [...(amounts.get(id) ?? []), { currency, count, value }]);
    }
    return amounts;
  });

  /** Rows of the table, those that are leaving among them. */
  get length(): number {
    return this.#fresh.length + (this.#around.list()?.length ?? 0);
  }
  entryAt(at: number): Entry | undefined {
    const fresh = this.#fresh[at];
    if (fresh) return { id: fresh.id, isLeaving: false, row: fresh };
    const place = this.#around.list()?.at(at - this.#fresh.length);
    return place && { ...place, row: this.customer(place.id) };
  }
  /** Where a customer stands in the table, when that is known. */
  placeOf(id: string | undefined): number {
    if (!id) return -1;
    const fresh = this.#fresh.findIndex((one) => one.id === id);
    if (fresh >= 0) return fresh;
    const place = this.#around.list()?.placeOf(id) ?? -1;
    return place < 0 ? -1 : place + this.#fresh.length;
  }
  /** Asks for the ids between two places. */
  want(from: number, to: number): void {
    const here = this.#fresh.length;
    this.#around.list()?.want(from - here, to - here);
  }
  /** Keeps these customers current; what has left the list and is none of them goes. */
  show(ids: readonly string[]): () => void {
    const seen = new Set(ids);
    const list = this.#around.list();
    if (list) {
      list.isInSight = (id) => seen.has(id);
      list.sweep();
    }
    return this.live.subscribeRecords('customer', ids);
  }

  readonly count = $derived.by(() => this.#fresh.length + (this.#around.list()?.total ?? 0));
  /** All that I may see, whatever the filter says. */
  readonly all = $derived.by(() =>
    [...this.#around.counts().values()].reduce((sum, [count = 0]) => sum + count, 0),
  );
  statusCount(status: string): number {
    return this.#around.counts().get(status)?.[0] ?? 0;
  }
  /** The open deals of all customers shown; undefined while, or where, they are too many to say. */
  readonly whole = $derived.by((): OpenDeals | undefined => {
    const list = this.#around.list();
    if (this.isFiltered && list && list.total <= mostSummed) list.want(0, list.total);
    const ids = this.isFiltered ? list?.all : [...this.#amounts.keys()];
    const amounts = ids?.flatMap((id) => this.#amounts.get(id) ?? []);
    return (
      amounts && {
        count: amounts.reduce((sum, { count }) => sum + count, 0),
        sum: totalIn(this.currency, amounts, this.#rates),
      }
    );
  });

  customer(id: string | null | undefined): Customer | undefined {
    return this.live.rows('customers').get(id);
  }
  memberName(id: string | null): string {
    return this.live.rows('members').get(id)?.name ?? '';
  }
  canEdit(customer: Customer): boolean {
    return this.me.covers('customers.edit', customer);
  }
  canDelete(customer: Customer): boolean {
    return this.me.covers('customers.delete', customer);
  }
  readonly canCreate = $derived.by(() => this.me.can('customers.create'));

  /** In the one currency that all deals of the customer share, else converted to the organization's. */
  openDealsOf(id: string): OpenDeals {
    const amounts = this.#amounts.get(id) ?? [];
    const currency = amounts.length === 1 ? (amounts[0]?.currency ?? '') : this.currency;
    return {
      count: amounts.reduce((sum, { count }) => sum + count, 0),
      sum: totalIn(currency, amounts, this.#rates),
    };
  }

  setFilter(filter: CustomerFilter): void {
    this.#around.goTo(withFilter(this.#around.url(), filter), { isReplacing: true });
  }
  sortBy(column: Column): void {
    const isFigure = column === 'deals' || column === 'sum';
    const isDescending = this.sort.column === column ? !this.sort.isDescending : isFigure;
    const url = new URL(this.#around.url());
    url.searchParams.set('sort', (isDescending ? '-' : '') + column);
    this.#around.goTo(url, { isReplacing: true });
  }
  pageOf(id: string): string {
    return `${this.home}/customers/${id}`;
  }
  open(id: string): void {
    const url = new URL(this.#around.url());
    url.searchParams.set('customer', id);
    this.active = { id, column: 'name' };
    this.#around.goTo(url, { isReplacing: this.openId !== undefined });
  }
  close(): void {
    const url = new URL(this.#around.url());
    const id = this.openId;
    url.searchParams.delete('customer');
    this.#around.goTo(url, { isReplacing: false });
    if (id) this.focus(id, 'name');
  }

  /** Puts the keyboard into a cell, once its row stands where it belongs. */
  focus(id: string, column: Column): void {
    this.active = { id, column };
    // Not in the next frame: a key that is pressed before it would go to nobody.
    void tick().then(() =>
      document
        .querySelector<HTMLElement>(`[data-record-id="${id}"] [data-cell=${column}]`)
        ?.focus(),
    );
  }
  neighboursOf(id: string) {
    const at = this.placeOf(id);
    if (at < 0) return { n: 0, count: 0 };
    const idAt = (place: number) => this.entryAt(place)?.id;
    return { n: at + 1, count: this.length, previous: idAt(at - 1), next: idAt(at + 1) };
  }
}
