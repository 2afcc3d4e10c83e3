import type { z } from 'zod/mini';
import type { EntityName } from '#lib/shared/entities.ts';
import type { Subscribe } from '#lib/shared/wire.ts';
import { maySee } from '../access.ts';
import { visibleOf, type Hub } from './hub.ts';
import type { ListDefinition } from './listing.ts';
import { Loading } from './loading.ts';
import type { LiveServer } from './server.ts';
import { parseTopic } from './snapshots.ts';
import { readTransactions, type LogRow, type LogTx } from './log.ts';
import { findDefinition, type Found } from './named.ts';
import { largeTransaction } from './tail.ts';
import type { TotalsDefinition } from './totals.ts';
import type { Watcher } from './watcher.ts';

const mostSubscriptions = 1_000;
/** Ids that come with the beginning of a list, and at most with one answer. */
const firstIds = 100;
const mostIds = 10_000;
/** Transactions that are read from the log for one who comes back, before new rows are cheaper. */
const longestCatchUp = 2_000;

/** Gives watchers the rows and figures of what they subscribe to, joined without a gap to the frames. */
export class Subscriptions {
  readonly #live: LiveServer;
  readonly #loading: Loading;

  constructor(live: LiveServer) {
    this.#live = live;
    this.#loading = new Loading(live);
  }

  /** Loads the lists anew that what has just come in has made stale. */
  refresh(hub: Hub): void {
    this.#loading.refresh(hub);
  }

  subscribe(watcher: Watcher, asked: Subscribe): void {
    watcher.queue = watcher.queue
      .then(() => this.#subscribe(watcher, asked))
      .catch((error: unknown) => {
        // Coming back, the browser asks again: for its rows there is no other way to get well.
        this.#live.options.log.error({ err: error }, 'a subscription failed');
        watcher.close('draining');
      });
  }

  unsubscribe(watcher: Watcher, keys: string[]): void {
    watcher.queue = watcher.queue.then(() => {
      for (const key of keys) {
        watcher.asked.topics.delete(key);
        watcher.asked.totals.delete(key);
        watcher.asked.lists.delete(key);
        watcher.topics.delete(key);
        watcher.totals.delete(key);
        watcher.lists.delete(key);
      }
      if (watcher.audience) watcher.regroup();
    });
  }

  /** All rows of all subscriptions anew: after a change of rights, or when the log ran ahead. */
  restart(watcher: Watcher): void {
    watcher.queue = watcher.queue
      .then(async () => {
        const { topics, totals, lists } = watcher.asked;
        const asked = { topics: [...topics], totals: [...totals], lists: [...lists] };
        watcher.leave();
        watcher.topics.clear();
        watcher.totals.clear();
        watcher.lists.clear();
        await this.#subscribe(watcher, asked);
      })
      .catch(() => watcher.close('draining'));
  }

  async #subscribe(watcher: Watcher, asked: Subscribe): Promise<void> {
    if (!watcher.socket.connected) return;
    for (const key of asked.topics) watcher.asked.topics.add(key);
    for (const key of asked.totals) watcher.asked.totals.add(key);
    for (const key of asked.lists ?? []) watcher.asked.lists.add(key);
    const { topics: t, totals: f, lists: l } = watcher.asked;
    if (t.size + f.size + l.size > mostSubscriptions) return watcher.close('tooMany');
    const topics = asked.topics.filter(
      (key) => !watcher.topics.has(key) && this.#mayHave(watcher, key),
    );
    const { options } = this.#live;
    const totals = asked.totals.flatMap((key) => this.#find(watcher, options.totals, key));
    const lists = (asked.lists ?? []).flatMap((key) =>
      this.#find(watcher, options.lists ?? [], key),
    );
    if (!watcher.audience) await this.#overtake(watcher.hub, asked.cursor);
    if (!watcher.audience && (await this.#resume(watcher, asked, { topics, totals, lists })))
      return;
    const isStart = !watcher.audience;
    const { hub, socket, rightsKey } = watcher;
    const [snapshots, figures, listings] = await Promise.all([
      this.#loading.snapshots(watcher, topics),
      Promise.all(totals.map((one) => this.#loading.figures(watcher, one))),
      this.#loading.listings(watcher, lists),
    ]);
    const read = [...snapshots.values(), ...figures, ...listings];
    await this.#loading.reach(hub, read);
    if (!socket.connected) return;
    // Read under rights that are gone, or too long ago to be continued: read again.
    const isCurrent =
      watcher.rightsKey === rightsKey &&
      isStart === !watcher.audience &&
      read.every(({ position }) => hub.remembers(position));
    if (!isCurrent) return this.#subscribe(watcher, asked);
    // From here on nothing awaits: rows, what happened to them since, and frames leave no gap.
    for (const key of topics) watcher.topics.add(key);
    for (const one of figures) watcher.totals.set(one.key, hub.adopt(one));
    for (const one of listings) watcher.lists.set(one.key, hub.adoptList(one));
    watcher.regroup();
    if (isStart)
      socket.emit('start', { position: hub.position, rights: watcher.rightsKey, resumed: false });
    for (const [key, snapshot] of snapshots) {
      const late = hub.since(snapshot.position, { rights: watcher.rights, topics: new Set([key]) });
      socket.emit('rows', key, snapshot.body, late);
    }
    for (const { key } of figures)
      socket.emit('totals', key, watcher.totals.get(key)?.entries() ?? []);
    for (const { key } of listings) this.#begin(watcher, key);
  }

  #begin({ socket, lists }: Watcher, key: string): void {
    const list = lists.get(key);
    if (!list) return;
    socket.emit('list', key, list.total);
    socket.emit('ids', key, 0, list.packed(0, firstIds));
  }

  /** The ids of a part of a list, as of the last frame that was sent. */
  range({ socket, lists, audience }: Watcher, key: string, from: number, to: number): void {
    const list = audience && lists.get(key);
    // Who has none will ask again, when the list begins.
    if (!list || !Number.isSafeInteger(from) || from < 0 || !(to > from)) return;
    socket.emit('ids', key, from, list.packed(from, Math.min(to, from + mostIds)));
  }

  /** The node that a cursor comes from may have been further on; here nobody goes back in time. */
  async #overtake(hub: Hub, cursor: Subscribe['cursor']): Promise<void> {
    if (!cursor || cursor.epoch !== this.#live.epoch || cursor.position <= hub.position) return;
    const head = await this.#live.source.head(hub.organizationId);
    await this.#live.flush.barrier();
    await this.#loading.reach(hub, [{ position: Math.min(head, cursor.position) }]);
  }

  /** Continues where an earlier connection ended, when memory or the log still has what was missed. */
  async #resume(
    watcher: Watcher,
    { cursor }: Subscribe,
    { topics, totals, lists }: Wished,
  ): Promise<boolean> {
    const { hub, socket } = watcher;
    if (!cursor || cursor.isPast || cursor.epoch !== this.#live.epoch) return false;
    if (cursor.rights !== watcher.rightsKey) return false;
    const [figures, listings] = await Promise.all([
      Promise.all(totals.map((one) => this.#loading.figures(watcher, one))),
      this.#loading.listings(watcher, lists),
    ]);
    await this.#loading.reach(hub, [...figures, ...listings]);
    const earlier = hub.remembers(cursor.position) ? [] : await this.#missed(hub, cursor.position);
    if (!earlier || !socket.connected || cursor.rights !== watcher.rightsKey) return false;
    if (![...figures, ...listings].every(({ position }) => hub.remembers(position))) return false;
    for (const key of topics) watcher.topics.add(key);
    for (const one of figures) watcher.totals.set(one.key, hub.adopt(one));
    for (const one of listings) watcher.lists.set(one.key, hub.adoptList(one));
    const view = { rights: watcher.rights, topics: watcher.topics };
    const from = earlier.at(-1)?.position ?? cursor.position;
    if (!hub.remembers(from)) return false;
    const ops = [...visibleOf(earlier, view, cursor.position), ...hub.since(from, view)];
    watcher.regroup();
    socket.emit('start', { position: cursor.position, rights: watcher.rightsKey, resumed: true });
    socket.emit('f', [cursor.position, hub.position, ops]);
    for (const one of watcher.totals.values()) socket.emit('totals', one.key, one.entries());
    for (const key of watcher.lists.keys()) this.#begin(watcher, key);
    return true;
  }

  async #missed(hub: Hub, position: number): Promise<LogTx[] | undefined> {
    const missing = hub.position - position;
    if (missing < 0 || missing > longestCatchUp) return undefined;
    const most = { transactions: missing, rows: largeTransaction + 1 };
    const rows = await this.#live.source.log(hub.organizationId, position, most);
    if (rows.length > largeTransaction) return undefined;
    const txs = this.#read(rows);
    if (!txs) return undefined;
    // The log may have been cut: without its first transaction the cursor cannot be continued.
    return txs[0]?.position === position + 1 && txs.length === missing ? txs : undefined;
  }

  /** Rows that no code expects are not gone through; the tail says so when it meets them. */
  #read(rows: LogRow[]): LogTx[] | undefined {
    try {
      return readTransactions(rows);
    } catch (err) {
      this.#live.options.log.error({ err }, 'the log cannot be read for one who comes back');
      return undefined;
    }
  }

  #mayHave({ member, socket }: Watcher, key: string): boolean {
    const topic = parseTopic(key);
    const allowed = topic && maySee(member, topic.entity);
    if (!allowed) socket.emit('refused', key, topic ? 'FORBIDDEN' : 'BAD_INPUT');
    return Boolean(allowed);
  }

  #find<D extends { name: string; entity: EntityName; params: z.core.$ZodType }>(
    { member, socket }: Watcher,
    definitions: readonly D[],
    key: string,
  ): Found<D>[] {
    const found = findDefinition(definitions, key);
    const allowed = found && maySee(member, found.definition.entity);
    if (!allowed) socket.emit('refused', key, found ? 'FORBIDDEN' : 'BAD_INPUT');
    return allowed ? [found] : [];
  }
}

interface Wished {
  topics: string[];
  totals: Found<TotalsDefinition<never>>[];
  lists: Found<ListDefinition<never>>[];
}
