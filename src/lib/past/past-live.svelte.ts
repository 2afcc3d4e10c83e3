import { SvelteMap } from 'svelte/reactivity';
import type { OpenLive } from '#lib/live/context.ts';
import { LiveList } from '#lib/live/list.svelte.ts';
import type { Made } from '#lib/live/live.svelte.ts';
import type { MeNow } from '#lib/live/me.ts';
import { Notes, type RemoteNote } from '#lib/live/notes.svelte.ts';
import { PresenceMap } from '#lib/live/presence.svelte.ts';
import { Store } from '#lib/live/store.svelte.ts';
import type { Collection } from '#lib/live/collection.svelte.ts';
import { LiveTotals } from '#lib/live/totals.svelte.ts';
import type { Subscription } from '#lib/live/wanted.svelte.ts';
import {
  entities,
  topicKey,
  topics,
  type AnyRow,
  type EntityName,
  type Row,
  type TopicName,
  type TopicParams,
} from '#lib/shared/entities.ts';
import { AppError } from '#lib/shared/errors.ts';
import { listKey } from '#lib/shared/listings.ts';
import { totalsKey, type Measure } from '#lib/shared/totals.ts';
import type { TotalsEntry } from '#lib/shared/wire.ts';

/** Who people are and what they may do is asked of today; so is what is one's own. */
const ofToday: readonly EntityName[] = [
  'organizations',
  'roles',
  'teams',
  'members',
  'invitations',
  'exchangeRates',
  'lostReasons',
  ...(Object.keys(entities) as EntityName[]).filter((name) => 'memberId' in entities[name]),
];
const isOfToday = (entity: EntityName): boolean => ofToday.includes(entity);

/** What people look at one by one. */
const isRecord = (entity: EntityName): boolean =>
  Object.values(topics).some((topic) => topic.entity === entity && topic.by.join() === 'id');

type Rows = Map<string, { rev: number; row: AnyRow }>;
type WireRow = [id: string, rev: number, ...values: unknown[]];

/** Something that is shown, and how to have it as of a moment: what `load` answers puts it on the screen. */
interface Shown {
  users: number;
  /** Of which records are shown, where it is not figures. */
  entity: EntityName | undefined;
  ready: boolean;
  refused: string | undefined;
  load(at: string): Promise<() => void>;
}

class Asked implements Shown {
  users = 0;
  readonly entity: EntityName | undefined;
  readonly load: Shown['load'];
  ready = $state(false);
  refused = $state<string>();

  constructor(entity: EntityName | undefined, load: Shown['load']) {
    this.entity = entity;
    this.load = load;
  }
}

/** Marks what is not today what it was: `of` answers the last change, with what stands there now. */
class Differences extends Notes {
  readonly marks = new SvelteMap<string, RemoteNote>();

  override of(entity: EntityName, id: string): RemoteNote | undefined {
    return this.marks.get(`${entity}/${id}`);
  }
}

/**
 * The live organization as it was at a moment, for the same pages: what they subscribe to is loaded for
 * that moment and stays as it was; nothing can be changed. Everything on the screen moves to another
 * moment at once.
 */
export class PastLive implements OpenLive {
  readonly #now: OpenLive;
  readonly #store = new Store();
  readonly #shown = new Map<string, Asked>();
  readonly isPast = true;
  readonly notes = new Differences();
  readonly presence = new PresenceMap(
    () => undefined,
    () => undefined,
  );
  readonly recorder: OpenLive['recorder'];
  readonly tray: OpenLive['tray'];
  readonly api: OpenLive['api'];
  readonly keptAs: string;
  readonly ended = undefined;
  readonly refused = undefined;
  readonly unkept = 0;
  #at: string;
  #moves = 0;
  /** Where the log stood; 0: there was nothing yet; -1: it is not known yet. */
  position = $state(-1);
  isLoading = $state(false);
  hasFailed = $state(false);
  /** What has changed until today among the kinds of records that are shown. */
  since = $state.raw({ changed: 0, added: 0, gone: 0, isCut: false });

  constructor(now: OpenLive, at: Date) {
    this.#now = now;
    this.#at = at.toISOString();
    this.recorder = now.recorder;
    this.tray = now.tray;
    this.api = now.api;
    this.keptAs = now.keptAs;
  }

  start(): void {}
  stop(): void {}
  abandon(): void {}

  get connection() {
    return this.#now.connection;
  }
  get unsent(): number {
    return this.#now.unsent;
  }
  get waiting() {
    return this.#now.waiting;
  }

  /** May look as today, and change nothing. */
  get me(): MeNow {
    const { me } = this.#now;
    const isLooking = (permission: string): boolean => permission.endsWith('.view');
    return {
      ...me,
      can: (permission) => isLooking(permission) && me.can(permission),
      covers: (permission, record) => isLooking(permission) && me.covers(permission, record),
    };
  }

  inspect() {
    return this.#now.inspect();
  }
  topicsWith(entity: EntityName, id: string): string[] {
    return this.#now.topicsWith(entity, id);
  }

  rows<E extends EntityName>(entity: E): Collection<Row<E>> {
    return isOfToday(entity) ? this.#now.rows(entity) : this.#store.collection(entity);
  }

  subscribe<T extends TopicName>(topic: T, params: TopicParams<T>): Subscription {
    const { entity, by } = topics[topic];
    if (isOfToday(entity)) return this.#now.subscribe(topic, params);
    const named = params as Record<string, string>;
    const key = topicKey(
      topic,
      by.map((column) => named[column] ?? ''),
    );
    return this.#show(key, entity, async (at) => {
      const { columns, items, position } = await this.api.call.past.topic.query({ at, key });
      const rows = rowsOf(columns, items);
      return () => {
        this.position = position;
        this.#store.replaceTopic(key, entity, rows);
      };
    });
  }

  subscribeRecords(topic: TopicName, ids: readonly string[]): () => void {
    const { entity } = topics[topic];
    if (isOfToday(entity)) return this.#now.subscribeRecords(topic, ids);
    if (ids.length === 0) return () => undefined;
    const wanted = ids.slice(0, 200);
    const held = this.#show(`${topic}s/${wanted.join()}`, entity, async (at) => {
      const { columns, items } = await this.api.call.past.records.query({
        at,
        entity,
        ids: [...wanted],
      });
      const rows = rowsOf(columns, items);
      return () => {
        for (const id of wanted) {
          const row = rows.get(id);
          const key = topicKey(topic, [id]);
          this.#store.replaceTopic(key, entity, new Map(row ? [[id, row]] : []));
        }
      };
    });
    return () => held.stop();
  }

  subscribeList(name: string, params: Record<string, unknown>): { list: LiveList; stop(): void } {
    const key = listKey(name, params);
    const list = new LiveList(() => undefined);
    const held = this.#show(`${key} ${(this.#lists += 1)}`, 'customers', async (at) => {
      const { total, ids } = await this.api.call.past.list.query({ at, key });
      return () => {
        list.begin(total);
        list.take(0, ids);
      };
    });
    return { list, stop: () => held.stop() };
  }
  #lists = 0;

  subscribeTotals(
    name: string,
    {
      params,
      entity,
      measure,
    }: { entity: EntityName; params: Record<string, unknown>; measure: Measure },
  ): { totals: LiveTotals; stop(): void } {
    if (isOfToday(entity)) return this.#now.subscribeTotals(name, { params, entity, measure });
    const key = totalsKey(name, params);
    const totals = new LiveTotals(entity, measure);
    const held = this.#show(`${key} ${(this.#lists += 1)}`, undefined, async (at) => {
      const { items } = await this.api.call.past.figures.query({ at, key });
      return () => {
        totals.replace(items as TotalsEntry[]);
        totals.settle(this.#store);
      };
    });
    return { totals, stop: () => held.stop() };
  }

  change(): Made {
    const error = new AppError('FORBIDDEN', { reason: 'past' });
    return {
      done: Promise.resolve({ ok: false, error, requestId: undefined }),
      undo: undefined,
    };
  }
  redo(...refused: Parameters<OpenLive['redo']>) {
    return this.#now.redo(...refused);
  }
  undoLast() {
    return undefined;
  }
  made(position: number) {
    this.#now.made(position);
  }

  /** Shows another moment: all at once, when all of it is here. A later move overtakes this one. */
  async moveTo(at: Date): Promise<void> {
    this.#at = at.toISOString();
    const move = (this.#moves += 1);
    this.isLoading = true;
    this.hasFailed = false;
    try {
      const asked = [...this.#shown.values()];
      const puts = await Promise.all(asked.map((one) => one.load(this.#at)));
      if (move !== this.#moves) return;
      this.#store.outlive();
      puts.forEach((put) => put());
      this.#store.settle([]);
      for (const one of asked) [one.ready, one.refused] = [true, undefined];
      await this.#compare(move);
    } catch {
      if (move === this.#moves) this.hasFailed = true;
    } finally {
      if (move === this.#moves) this.isLoading = false;
    }
  }

  again(): Promise<void> {
    return this.moveTo(new Date(this.#at));
  }

  #show(key: string, entity: EntityName | undefined, load: Shown['load']): Subscription {
    let asked = this.#shown.get(key);
    if (!asked) {
      this.#shown.set(key, (asked = new Asked(entity, load)));
      void this.#first(asked);
    }
    asked.users += 1;
    const held = asked;
    let isHeld = true;
    return {
      get ready() {
        return held.ready;
      },
      get refused() {
        return held.refused;
      },
      stop: () => {
        if (!isHeld) return;
        isHeld = false;
        held.users -= 1;
        if (held.users === 0) this.#shown.delete(key);
      },
    };
  }

  async #first(asked: Asked): Promise<void> {
    const move = this.#moves;
    try {
      const put = await asked.load(this.#at);
      // The moment has changed meanwhile: this one was loaded with it.
      if (move === this.#moves) {
        put();
        this.#store.settle([]);
      }
      asked.ready = true;
      this.#compareSoon();
    } catch {
      asked.refused = 'failed';
      this.hasFailed = true;
    }
  }

  #comparing: ReturnType<typeof setTimeout> | undefined;
  #compareSoon(): void {
    clearTimeout(this.#comparing);
    this.#comparing = setTimeout(() => {
      this.#compare(this.#moves).catch(() => (this.hasFailed = true));
    }, 50);
  }

  /** Asks what is different today, for the kinds of records that people look at here. */
  async #compare(move: number): Promise<void> {
    const kinds = [...this.#shown.values()].flatMap(({ entity }) => entity ?? []);
    const shown = [...new Set(kinds)].filter((entity) => isRecord(entity));
    const found = await Promise.all(
      shown.map(async (entity) => ({
        entity,
        ...(await this.api.call.past.differences.query({ at: this.#at, entity })),
      })),
    );
    if (move !== this.#moves) return;
    this.notes.marks.clear();
    const since = { changed: 0, added: 0, gone: 0, isCut: false };
    for (const { entity, changed, added, isCut } of found) {
      since.added += added;
      since.isCut ||= isCut;
      for (const { id, at, actor, now } of changed) {
        since[now ? 'changed' : 'gone'] += 1;
        const fields = Object.entries(now ?? {}).map(([name, to]) => {
          const from = this.#store.baseRow(entity, id)?.[name];
          return [name, { from, to }] as const;
        });
        this.notes.marks.set(`${entity}/${id}`, {
          by: actor,
          at: Date.parse(at),
          fields: Object.fromEntries(fields),
          isGone: now === null,
        });
      }
    }
    this.since = since;
  }
}

function rowsOf(columns: readonly string[], items: readonly WireRow[]): Rows {
  return new Map(
    items.map(([id, rev, ...values]) => {
      const row = Object.fromEntries(columns.map((name, at) => [name, values[at]]));
      return [id, { rev, row: row as AnyRow }];
    }),
  );
}
