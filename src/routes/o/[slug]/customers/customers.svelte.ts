import type { Live } from '#lib/live/live.svelte.ts';
import type { Customer } from '#lib/shared/entities.ts';
import { intlLocale } from '#lib/shared/i18n.ts';
import { ratesOn, totalIn, type TotalMoney } from '#lib/shared/money.ts';
import type { Toasts } from '#lib/ui/toasts.svelte.ts';
import type { Words } from '#lib/ui/words.svelte.ts';
import { arrange, type Entry } from './arrange.ts';
import { columns, type Column } from './columns.ts';
import { CustomerActions } from './customer-actions.ts';
import {
  customerMatcher,
  filterOf,
  isEmptyFilter,
  withFilter,
  type CustomerFilter,
} from './customer-filter.ts';
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
  live: Live;
  words: Words;
  toasts: Toasts;
  organization: () => { slug: string; currency: string };
  url: () => URL;
  /** Live totals of open deals, by `customer/currency`. */
  totals: () => Iterable<[string, readonly number[]]>;
  /** Changes when all rows are there, and again when the totals are: the order is made anew then. */
  stage: () => string;
  goTo: (url: URL, options: { isReplacing: boolean }) => void;
}

/** What the table of customers shows. Writes are in `actions`, others' presence in `people`. */
export class Customers {
  readonly live: Live;
  readonly words: Words;
  readonly actions: CustomerActions;
  readonly people: CustomerPeople;
  readonly #around: Surroundings;

  /** The cell that the keyboard is in. */
  active = $state.raw<{ id: string; column: Column }>();
  isEditing = $state(false);
  isCreating = $state(false);
  #order: { key: string; ids: string[] } | undefined;

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

  readonly all = $derived.by(() => this.live.rows('customers').all);
  readonly owners = $derived.by(() =>
    this.live
      .rows('members')
      .all.filter(({ isActive }) => isActive)
      .sort((a, b) => a.name.localeCompare(b.name, this.words.locale)),
  );
  readonly tags = $derived([...new Set(this.all.flatMap(({ tags }) => tags))].sort().slice(0, 40));

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

  readonly entries = $derived.by((): Entry<Customer>[] => {
    const { filter, sort } = this;
    const key = JSON.stringify([filter, sort, this.#around.stage()]);
    const before = this.#order?.key === key ? this.#order.ids : undefined;
    const fits = customerMatcher(filter, this.me.memberId);
    const entries = arrange(before, this.all, { fits, compare: this.#comparison(sort) });
    this.#order = { key, ids: entries.map(({ row }) => row.id) };
    return entries;
  });
  readonly count = $derived(this.entries.filter(({ isLeaving }) => !isLeaving).length);
  readonly whole = $derived.by((): OpenDeals => {
    const ids = this.entries.flatMap(({ row, isLeaving }) => (isLeaving ? [] : row.id));
    const amounts = ids.flatMap((id) => this.#amounts.get(id) ?? []);
    return {
      count: amounts.reduce((sum, { count }) => sum + count, 0),
      sum: totalIn(this.currency, amounts, this.#rates),
    };
  });
  /** How many customers have each status, whatever the filter says. */
  readonly statusCounts = $derived(Map.groupBy(this.all, ({ status }) => status));

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
    this.#order = undefined;
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
    requestAnimationFrame(() =>
      document
        .querySelector<HTMLElement>(`[data-record-id="${id}"] [data-cell=${column}]`)
        ?.focus(),
    );
  }
  neighboursOf(id: string) {
    const at = this.entries.findIndex(({ row }) => row.id === id);
    if (at < 0) return { n: 0, count: 0 };
    const idAt = (place: number) => this.entries[place]?.row.id;
    return { n: at + 1, count: this.entries.length, previous: idAt(at - 1), next: idAt(at + 1) };
  }

  #comparison({ column, isDescending }: Sort): (a: Customer, b: Customer) => number {
    const options = { numeric: true, sensitivity: 'base' } as const;
    const { compare } = new Intl.Collator(intlLocale(this.words.locale), options);
    const sign = isDescending ? -1 : 1;
    const byText = (a: string, b: string): number => {
      if (a === '' || b === '') return Number(a === '') - Number(b === '');
      return sign * compare(a, b);
    };
    const byName = (a: Customer, b: Customer): number =>
      compare(a.name, b.name) || (a.id < b.id ? -1 : 1);
    const valueOf = ({ id }: Customer): number => {
      const { count, sum } = this.openDealsOf(id);
      if (column === 'deals') return count;
      return totalIn(this.currency, [sum], this.#rates).value;
    };
    if (column === 'deals' || column === 'sum') {
      const values = new Map(this.all.map((one) => [one.id, valueOf(one)]));
      const of = ({ id }: Customer): number => values.get(id) ?? 0;
      return (a, b) => sign * (of(a) - of(b)) || byName(a, b);
    }
    const textIn = (one: Customer): string => {
      if (column === 'ownerId') return this.memberName(one.ownerId);
      const value = one[column];
      return Array.isArray(value) ? value.join(' ') : (value ?? '');
    };
    return (a, b) => byText(textIn(a), textIn(b)) || byName(a, b);
  }
}
