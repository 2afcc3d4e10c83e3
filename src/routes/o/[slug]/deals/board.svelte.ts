import { tick } from 'svelte';
import type { LiveList } from '#lib/live/list.svelte.ts';
import type { OpenLive } from '#lib/live/context.ts';
import type { CustomerListParams } from '#lib/shared/customer-list.ts';
import { dealMatcher, type DealFilter } from '#lib/shared/deal-filter.ts';
import type { Deal, Stage } from '#lib/shared/entities.ts';
import { cardFields } from '#lib/shared/members.ts';
import { ratesOn, totalIn, type Money, type TotalMoney } from '#lib/shared/money.ts';
import { byPosition, byRank } from '#lib/shared/rank.ts';
import type { Toasts } from '#lib/ui/toasts.svelte.ts';
import type { Words } from '#lib/ui/words.svelte.ts';
import { BoardPeople } from './board-people.svelte.ts';
import { DealActions } from './deal-actions.svelte.ts';
import { Drag } from './drag.svelte.ts';
import type { Names } from './readable-fields.ts';
import { filterOf, isEmptyFilter, withFilter, type Filter } from '#lib/shared/board-address.ts';

export interface Column {
  stage: Stage;
  /** 1 to 5 for open stages, nearer to won deeper; else the kind. */
  tone: number | 'won' | 'lost';
  deals: readonly Deal[];
  isFolded: boolean;
  count: number;
  sum: TotalMoney;
  weighted: TotalMoney;
  /** Closed in the last 90 days. */
  recentCount: number;
  recentSum: TotalMoney;
  /** The part of the pipeline's open sum, 0 to 1. */
  share: number;
}

interface Figures {
  currency: string;
  count: number;
  sum: number;
  weighted: number;
  recentCount: number;
  recentSum: number;
}

interface Surroundings {
  live: OpenLive;
  words: Words;
  toasts: Toasts;
  organization: () => { name: string; slug: string; currency: string };
  url: () => URL;
  /** The live totals of the filter, by `stage/currency`. */
  totals: () => Iterable<[string, readonly number[]]>;
  goTo: (url: URL, options: { isReplacing: boolean }) => void;
  say: (text: string) => void;
}

/** What the board of one pipeline shows. Writes are in `actions`, others' presence in `people`. */
export class Board {
  readonly live: OpenLive;
  readonly words: Words;
  readonly #around: Surroundings;
  readonly actions: DealActions;
  readonly people: BoardPeople;
  readonly drag: Drag;

  focusedId = $state<string>();
  /** A moved card gets its focus a frame later; keys typed until then are meant for it. */
  isFocusComing = false;
  quickAddIn = $state<string>();
  /** The one column that a phone shows. */
  shownId = $state<string>();
  unfolded = $state.raw<readonly string[]>([]);
  /** Deals that others changed since I looked last. */
  news = $state.raw<ReadonlySet<string>>(new Set());

  constructor(around: Surroundings) {
    this.#around = around;
    this.live = around.live;
    this.words = around.words;
    this.actions = new DealActions({ board: this, ...around });
    this.people = new BoardPeople(this);
    this.drag = new Drag({
      dealOf: (id) => this.deal(id),
      canLift: (deal) => this.canEdit(deal),
      onLift: (deal) => this.live.presence.lift(deal?.id ?? null),
      onDrop: (deal, place) => this.actions.drop(deal, place),
      onCancel: (deal) => this.say('say.cancelled', deal),
    });
  }

  get me() {
    return this.live.me;
  }
  get home(): string {
    return `/o/${this.#around.organization().slug}`;
  }

  readonly pipelines = $derived.by(() =>
    this.live
      .rows('pipelines')
      .all.filter((one) => one.isActive)
      .sort(byPosition),
  );
  readonly pipeline = $derived.by(() => {
    const wanted = this.#around.url().searchParams.get('pipeline');
    const known = this.pipelines;
    return known.find((one) => one.id === wanted) ?? known.find((one) => one.isDefault) ?? known[0];
  });
  readonly stages = $derived.by(() =>
    this.live
      .rows('stages')
      .all.filter((stage) => stage.pipelineId === this.pipeline?.id)
      .sort(byPosition),
  );
  readonly openStages = $derived(this.stages.filter((stage) => stage.kind === 'open'));
  readonly closingStages = $derived(this.stages.filter((stage) => stage.kind !== 'open'));
  readonly owners = $derived.by(() =>
    this.live
      .rows('members')
      .all.filter((member) => member.isActive)
      .sort((a, b) => a.name.localeCompare(b.name, this.words.locale)),
  );
  /** What the cards show: my own choice, else everything. */
  readonly cardFields = $derived.by((): ReadonlySet<string> => {
    const chosen = this.live.rows('members').get(this.me.memberId)?.cardFields;
    return new Set<string>(chosen ?? cardFields);
  });
  readonly lostReasons = $derived.by(() => [...this.live.rows('lostReasons').all].sort(byPosition));

  readonly filter = $derived.by(() => filterOf(this.#around.url().searchParams));
  readonly dealFilter = $derived.by((): DealFilter => {
    const { owner, ...rest } = this.filter;
    return {
      ...rest,
      owner: owner === 'me' ? this.me.memberId : owner,
      pipelineId: this.pipeline?.id ?? '',
      today: this.words.today,
    };
  });
  readonly #fits = $derived(dealMatcher(this.dealFilter));
  readonly #totals = $derived.by(() => {
    const totals = new Map<string, Figures[]>();
    if (!this.pipeline) return totals;
    for (const [group, numbers] of this.#around.totals()) {
      const [stageId = '', currency = ''] = group.split('/');
      const [count = 0, sum = 0, weighted = 0, recentCount = 0, recentSum = 0] = numbers;
      const figures = { currency, count, sum, weighted, recentCount, recentSum };
      totals.set(stageId, [...(totals.get(stageId) ?? []), figures]);
    }
    return totals;
  });
  readonly openId = $derived.by(() => this.#around.url().searchParams.get('deal') ?? undefined);

  /** One currency where all deals share it, else the organization's, converted at stored rates. */
  readonly currency = $derived.by(() => {
    const used = new Set(
      this.stages.flatMap((stage) => this.#figures(stage).map((one) => one.currency)),
    );
    const own = this.#around.organization().currency;
    return used.size === 1 ? ([...used][0] ?? own) : own;
  });
  readonly #rates = $derived.by(() =>
    ratesOn(this.words.today, this.live.rows('exchangeRates').all),
  );

  readonly columns = $derived.by((): Column[] => {
    const open = this.openStages;
    const sums = open.map((stage) => this.#sum(this.#figures(stage), 'sum').value);
    const whole = sums.reduce((sum, value) => sum + value, 0);
    return this.stages.map((stage) => {
      const figures = this.#figures(stage);
      const at = open.indexOf(stage);
      const isFolded = stage.kind !== 'open' && !this.unfolded.includes(stage.id);
      return {
        stage,
        tone: at >= 0 ? toneOf(at, open.length) : stage.kind === 'won' ? 'won' : 'lost',
        deals: isFolded ? [] : this.dealsIn(stage.id),
        isFolded,
        count: figures.reduce((sum, figure) => sum + figure.count, 0),
        sum: this.#sum(figures, 'sum'),
        weighted: this.#sum(figures, 'weighted'),
        recentCount: figures.reduce((sum, figure) => sum + figure.recentCount, 0),
        recentSum: this.#sum(figures, 'recentSum'),
        share: at >= 0 && whole > 0 ? (sums[at] ?? 0) / whole : 0,
      };
    });
  });
  readonly count = $derived(
    this.columns.reduce((sum, one) => sum + (one.stage.kind === 'open' ? one.count : 0), 0),
  );
  readonly sum = $derived.by(() => this.#whole('sum'));
  readonly weighted = $derived.by(() => this.#whole('weighted'));
  readonly isFiltered = $derived(!isEmptyFilter(this.filter));
  readonly isEmpty = $derived(
    !this.isFiltered && this.columns.every((column) => column.count === 0),
  );
  readonly tags = $derived.by(() => {
    const tags = this.openStages.flatMap((stage) =>
      this.rowsIn(stage.id).flatMap((deal) => deal.tags),
    );
    return [...new Set(tags)].sort().slice(0, 40);
  });

  dealsIn(stageId: string): readonly Deal[] {
    const rows = this.rowsIn(stageId);
    return this.isFiltered ? rows.filter(this.#fits) : rows;
  }
  deal(id: string): Deal | undefined {
    return this.live.rows('deals').get(id);
  }
  stageOf(id: string): Stage | undefined {
    return this.live.rows('stages').get(id);
  }
  ownerOf(deal: Deal) {
    return deal.ownerId ? this.live.rows('members').get(deal.ownerId) : undefined;
  }
  memberName(id: string): string {
    return this.live.rows('members').get(id)?.name ?? '';
  }

  canEdit(deal: Deal): boolean {
    return this.me.covers('deals.edit', deal);
  }
  canDelete(deal: Deal): boolean {
    return this.me.covers('deals.delete', deal);
  }
  readonly canCreate = $derived.by(() => this.me.can('deals.create'));
  readonly canCreateCustomers = $derived.by(() => this.me.can('customers.create'));
  readonly canManageStages = $derived.by(() => this.me.can('pipelines.manage'));

  /** The customers that a search finds, in the order of their names. */
  searchCustomers(text: string): { list: LiveList; stop(): void } {
    const q = text.trim().slice(0, 200);
    const params: CustomerListParams = { ...(q ? { q } : {}), sort: 'name' };
    return this.live.subscribeList('customerList', params);
  }
  customer(id: string) {
    return this.live.rows('customers').get(id);
  }

  fold(stageId: string): void {
    this.unfolded = this.unfolded.filter((id) => id !== stageId);
  }
  unfold(stageId: string): void {
    const isClosing = this.closingStages.some((stage) => stage.id === stageId);
    if (isClosing && !this.unfolded.includes(stageId)) this.unfolded = [...this.unfolded, stageId];
  }

  showPipeline(pipelineId: string): void {
    const url = new URL(this.home + '/deals', this.#around.url());
    url.searchParams.set('pipeline', pipelineId);
    const at = this.#around.url().searchParams.get('at');
    if (at) url.searchParams.set('at', at);
    this.unfolded = [];
    this.#around.goTo(url, { isReplacing: false });
  }
  setFilter(filter: Filter): void {
    this.#around.goTo(withFilter(this.#around.url(), filter), { isReplacing: true });
  }
  hrefOf(dealId: string): string {
    const url = new URL(this.#around.url());
    url.searchParams.set('deal', dealId);
    return url.pathname + url.search;
  }
  open(dealId: string): void {
    const isReplacing = this.openId !== undefined;
    this.#around.goTo(new URL(this.hrefOf(dealId), this.#around.url()), { isReplacing });
  }
  close(): void {
    const url = new URL(this.#around.url());
    const id = this.openId;
    url.searchParams.delete('deal');
    this.#around.goTo(url, { isReplacing: false });
    if (id) this.focus(id);
  }
  /** The deal of the side panel; it may stand outside the rows of the board. */
  openDeal(dealId: string): { deal: Deal | undefined; isReady: boolean } {
    return { deal: this.deal(dealId), isReady: this.isOpenDealReady };
  }
  isOpenDealReady = $state(false);

  /** Puts the focus on a card once it stands where it belongs. */
  focus(dealId: string): void {
    this.focusedId = dealId;
    this.isFocusComing = true;
    requestAnimationFrame(() => {
      this.isFocusComing = false;
      document.getElementById(`deal-${dealId}`)?.focus();
    });
  }
  /** Opens the deal with its amount being edited. */
  askAmount(deal: Deal): void {
    this.actions.isAmountAsked = true;
    if (this.openId !== deal.id) this.open(deal.id);
  }
  startCreating(): void {
    const shown = this.openStages.find((stage) => stage.id === this.shownId);
    this.quickAddIn = (shown ?? this.openStages[0])?.id;
  }
  closeQuickAdd(): void {
    const stageId = this.quickAddIn;
    this.quickAddIn = undefined;
    const column = document.querySelector(`[data-stage-id="${stageId}"]`);
    void tick().then(() => column?.querySelector<HTMLElement>('.tail .quick')?.focus());
  }

  neighboursOf(dealId: string) {
    const deal = this.deal(dealId);
    const list = deal ? this.dealsIn(deal.stageId) : [];
    const at = list.findIndex((one) => one.id === dealId);
    if (at < 0) return { n: 0, count: 0 };
    return { n: at + 1, count: list.length, previous: list[at - 1]?.id, next: list[at + 1]?.id };
  }

  readonly names: Names = {
    stage: (id) => this.stageOf(id)?.name,
    member: (id) => this.memberName(id) || undefined,
    reason: (id) => this.lostReasons.find((one) => one.id === id)?.name,
  };

  async copyLink(dealId: string): Promise<void> {
    const link = new URL(`${this.home}/deals?deal=${dealId}`, this.#around.url());
    await navigator.clipboard.writeText(link.href);
    this.#around.toasts.show({ text: this.words.t('deal.linkCopied') });
  }

  sayFiltered(): void {
    this.#around.say(this.words.t('say.filtered', { count: this.count }));
  }
  sayCannotLift(): void {
    this.#around.say(this.words.t('say.cannotLift'));
  }

  /** Speaks where a deal stands, or would stand, to a screen reader. */
  say(
    key: 'say.lifted' | 'say.moved' | 'say.dropped' | 'say.cancelled',
    deal: Deal,
    place?: { stageId: string; beforeId: string | null },
  ): void {
    const stageId = place?.stageId ?? deal.stageId;
    const list = this.dealsIn(stageId).filter((one) => one.id !== deal.id);
    const before = list.findIndex((one) => one.id === place?.beforeId);
    this.#around.say(
      this.words.t(key, {
        title: deal.title,
        stage: this.stageOf(stageId)?.name ?? '',
        place: (before < 0 ? list.length : before) + 1,
        count: list.length + 1,
      }),
    );
  }

  /** Every deal of a stage that is here, whatever the filter says. */
  rowsIn(stageId: string): readonly Deal[] {
    return this.live
      .rows('deals')
      .grouped('stage', (deal) => deal.stageId, byRank)
      .get(stageId);
  }

  #figures(stage: Stage): Figures[] {
    return this.#totals.get(stage.id) ?? [];
  }

  #sum(figures: Figures[], of: 'sum' | 'weighted' | 'recentSum'): TotalMoney {
    const amounts = figures.map((figure) => ({ currency: figure.currency, value: figure[of] }));
    return totalIn(this.currency, amounts, this.#rates);
  }

  #whole(of: 'sum' | 'weighted'): TotalMoney {
    const amounts: Money[] = this.openStages.flatMap((stage) =>
      this.#figures(stage).map((figure) => ({ currency: figure.currency, value: figure[of] })),
    );
    return totalIn(this.currency, amounts, this.#rates);
  }
}

function toneOf(at: number, count: number): number {
  return count <= 1 ? 3 : 1 + Math.round((at * 4) / (count - 1));
}
