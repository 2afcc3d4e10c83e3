import type { LiveList } from '#lib/live/list.svelte.ts';
import type { Live } from '#lib/live/live.svelte.ts';
import type { Me } from '#lib/live/me.ts';
import type { LiveTotals } from '#lib/live/totals.svelte.ts';
import type { Subscription } from '#lib/live/wanted.svelte.ts';
import type { TopicName } from '#lib/shared/entities.ts';
import { Browser } from './browser.ts';
import type { Build } from './builds.ts';
import type { Actor } from './clock.ts';
import { here } from './here.ts';
import { dealList, type ListParams } from './lists.ts';

/** Somebody with a browser; signed in under a session that may end. */
export class Person {
  readonly memberId: string;
  readonly organizationId: string;
  readonly browser = new Browser();
  session: string;
  #signIns = 1;

  constructor(memberId: string, organizationId: string) {
    this.memberId = memberId;
    this.organizationId = organizationId;
    this.session = `${memberId}#1`;
  }

  signInAgain(): void {
    this.#signIns += 1;
    this.session = `${this.memberId}#${this.#signIns}`;
  }
}

/** A change as the person made it. */
export interface MadeChange {
  tab: Tab;
  id: string;
  name: string;
  at: number;
  /** When the person was told. */
  toldAt?: number;
  outcome: 'open' | 'ok' | 'refused' | 'untold';
  data: unknown;
  /** Answered in a life of the database that the tab has not heard of: an answer does not name it. */
  isUnplaced?: boolean;
}

/** One open page: the engine's browser half itself. */
export class Tab {
  readonly actor: Actor;
  readonly person: Person;
  readonly build: Build;
  readonly topics = new Map<string, Subscription>();
  totals: { totals: LiveTotals; stop(): void } | undefined;
  readonly lists: { params: ListParams; list: LiveList; stop(): void }[] = [];
  /** A frame was lost on the way here, and what came since may be ahead of the cursor. */
  isTorn = false;
  /** The columns that the server has named, and those of the rows that are here. */
  welcome: Record<string, string[]> = {};
  columns: Record<string, string[]> = {};
  filter = { pipelineId: '', today: '2027-01-15' };
  #live: Live | undefined;
  /** The session that this page was opened under. */
  readonly session: string;

  constructor(name: string, person: Person, build: Build) {
    this.actor = { name, isAlive: true };
    this.person = person;
    this.build = build;
    this.session = person.session;
  }

  /** Not before the page has loaded. */
  get live(): Live {
    if (!this.#live) throw new Error(`${this.actor.name} is not open yet`);
    return this.#live;
  }

  get isOpen(): boolean {
    return this.#live !== undefined;
  }

  /** Runs as the page itself: whatever it sets going belongs to it. */
  run(what: () => void): void {
    here.clock.after(0, what, this.actor);
  }

  open(needed: [TopicName, Record<string, string>][], pipelineId: string): void {
    const { memberId, organizationId: organization, session } = this.person;
    const me: Me = { memberId, name: '', teamId: null, access: {} };
    const server = { origin: 'http://crm', headers: { authorization: `Bearer ${session}` } };
    this.#live = new this.build.live.Live({ organization, me, server });
    this.live.start();
    for (const [topic, values] of needed) this.watch(topic, values);
    this.count(pipelineId);
    this.listDeals({ sort: 'title', descending: here.chance.chance(0.5) });
    this.listDeals({ sort: 'stage', descending: here.chance.chance(0.5) });
  }

  watch(topic: TopicName, values: Record<string, string>): void {
    const key = [topic, ...Object.values(values)].join('/');
    if (!this.topics.has(key))
      this.topics.set(key, this.live.subscribe(topic, values as Parameters<Live['subscribe']>[1]));
  }

  count(pipelineId: string): void {
    this.filter.pipelineId = pipelineId;
    const params = this.filter;
    const measure = this.build.dealTotals.dealMeasure(params);
    this.totals = this.live.subscribeTotals('dealTotals', { entity: 'deals', params, measure });
  }

  listDeals(params: ListParams): void {
    const held = this.live.subscribeList(dealList.name, { ...params });
    // As a table does that shows all of it.
    held.list.want(0, Infinity);
    this.lists.push({ params, ...held });
  }

  close(): void {
    this.actor.isAlive = false;
    this.person.browser.release(this.actor);
  }
}
