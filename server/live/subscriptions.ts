import { z } from 'zod/mini';
import type { Subscribe } from '#lib/shared/wire.ts';
import { levelOf } from '#lib/shared/standing.ts';
import { entityAccess } from '../access.ts';
import { visibleOf, type Hub } from './hub.ts';
import type { LiveServer } from './server.ts';
import { parseTopic, type Snapshot } from './snapshots.ts';
import { readTransactions } from './log.ts';
import type { AtPosition } from './source.ts';
import { largeTransaction } from './tail.ts';
import { rightsOn, Totals, totalsId, type TotalsDefinition } from './totals.ts';
import type { Watcher } from './watcher.ts';

const mostSubscriptions = 200;
/** Transactions that are read from the log for one who comes back, before new rows are cheaper. */
const longestCatchUp = 2_000;
/** A kept snapshot is used again while it is at most this many transactions old. */
const freshFor = 300;

/** Gives watchers the rows and figures of what they subscribe to, joined without a gap to the frames. */
export class Subscriptions {
  readonly #live: LiveServer;
  readonly #snapshots = new WeakMap<Hub, Map<string, Promise<Snapshot>>>();

  constructor(live: LiveServer) {
    this.#live = live;
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
        watcher.topics.delete(key);
        watcher.totals.delete(key);
      }
      if (watcher.audience) watcher.regroup();
    });
  }

  /** All rows of all subscriptions anew: after a change of rights, or when the log ran ahead. */
  restart(watcher: Watcher): void {
    watcher.queue = watcher.queue
      .then(async () => {
        const asked = { topics: [...watcher.asked.topics], totals: [...watcher.asked.totals] };
        watcher.leave();
        watcher.topics.clear();
        watcher.totals.clear();
        await this.#subscribe(watcher, asked);
      })
      .catch(() => watcher.close('draining'));
  }

  async #subscribe(watcher: Watcher, asked: Subscribe): Promise<void> {
    if (!watcher.socket.connected) return;
    for (const key of asked.topics) watcher.asked.topics.add(key);
    for (const key of asked.totals) watcher.asked.totals.add(key);
    if (watcher.asked.topics.size + watcher.asked.totals.size > mostSubscriptions) {
      return watcher.close('tooMany');
    }
    const topics = asked.topics.filter(
      (key) => !watcher.topics.has(key) && this.#mayHave(watcher, key),
    );
    const totals = asked.totals.flatMap((key) => this.#definitionOf(watcher, key) ?? []);
    if (!watcher.audience) await this.#overtake(watcher.hub, asked.cursor);
    if (!watcher.audience && (await this.#resume(watcher, asked, topics, totals))) return;
    const isStart = !watcher.audience;
    const { hub, socket, rightsKey } = watcher;
    const [snapshots, figures] = await Promise.all([
      Promise.all(topics.map((key) => this.#snapshot(watcher, key))),
      Promise.all(totals.map((one) => this.#figures(watcher, one))),
    ]);
    await this.#reach(hub, [...snapshots, ...figures]);
    if (!socket.connected) return;
    // Read under rights that are gone, or too long ago to be continued: read again.
    const isCurrent =
      watcher.rightsKey === rightsKey &&
      isStart === !watcher.audience &&
      [...snapshots, ...figures].every(({ position }) => hub.remembers(position));
    if (!isCurrent) return this.#subscribe(watcher, asked);
    // From here on nothing awaits: rows, what happened to them since, and frames leave no gap.
    for (const key of topics) watcher.topics.add(key);
    for (const one of figures) watcher.totals.set(one.key, hub.adopt(one));
    watcher.regroup();
    if (isStart)
      socket.emit('start', { position: hub.position, rights: watcher.rightsKey, resumed: false });
    topics.forEach((key, at) => {
      const snapshot = snapshots[at];
      if (!snapshot) return;
      const late = hub.since(snapshot.position, { rights: watcher.rights, topics: new Set([key]) });
      socket.emit('rows', key, snapshot.body, late);
    });
    for (const { key } of figures)
      socket.emit('totals', key, watcher.totals.get(key)?.entries() ?? []);
  }

  /** The node that a cursor comes from may have been further on; here nobody goes back in time. */
  async #overtake(hub: Hub, cursor: Subscribe['cursor']): Promise<void> {
    if (!cursor || cursor.epoch !== this.#live.epoch || cursor.position <= hub.position) return;
    const head = await this.#live.source.head(hub.organizationId);
    await this.#live.flush.barrier();
    await this.#reach(hub, [{ position: Math.min(head, cursor.position) }]);
  }

  /** Continues where an earlier connection ended, when memory or the log still has what was missed. */
  async #resume(
    watcher: Watcher,
    { cursor }: Subscribe,
    topics: string[],
    totals: FoundTotals[],
  ): Promise<boolean> {
    const { hub, socket } = watcher;
    if (!cursor || cursor.isPast || cursor.epoch !== this.#live.epoch) return false;
    if (cursor.rights !== watcher.rightsKey) return false;
    const figures = await Promise.all(totals.map((one) => this.#figures(watcher, one)));
    await this.#reach(hub, figures);
    const earlier = hub.remembers(cursor.position) ? [] : await this.#missed(hub, cursor.position);
    if (!earlier || !socket.connected || cursor.rights !== watcher.rightsKey) return false;
    if (!figures.every(({ position }) => hub.remembers(position))) return false;
    for (const key of topics) watcher.topics.add(key);
    for (const one of figures) watcher.totals.set(one.key, hub.adopt(one));
    const view = { rights: watcher.rights, topics: watcher.topics };
    const from = earlier.at(-1)?.position ?? cursor.position;
    if (!hub.remembers(from)) return false;
    const ops = [...visibleOf(earlier, view, cursor.position), ...hub.since(from, view)];
    watcher.regroup();
    socket.emit('start', { position: cursor.position, rights: watcher.rightsKey, resumed: true });
    socket.emit('f', [cursor.position, hub.position, ops]);
    for (const one of watcher.totals.values()) socket.emit('totals', one.key, one.entries());
    return true;
  }

  async #missed(
    hub: Hub,
    position: number,
  ): Promise<ReturnType<typeof readTransactions> | undefined> {
    const missing = hub.position - position;
    if (missing < 0 || missing > longestCatchUp) return undefined;
    const most = { transactions: missing, rows: largeTransaction + 1 };
    const rows = await this.#live.source.log(hub.organizationId, position, most);
    if (rows.length > largeTransaction) return undefined;
    const txs = readTransactions(rows);
    // The log may have been cut: without its first transaction the cursor cannot be continued.
    return txs[0]?.position === position + 1 && txs.length === missing ? txs : undefined;
  }

  /** Waits until the hub is where the rows that were read are; rows must not run ahead of frames. */
  async #reach(hub: Hub, read: { position: number }[]): Promise<void> {
    const position = Math.max(0, ...read.map((one) => one.position));
    while (hub.position < position) await this.#live.tail.read(hub, position);
  }

  #mayHave({ member, socket }: Watcher, key: string): boolean {
    const topic = parseTopic(key);
    const allowed = topic && levelOf(member, entityAccess[topic.entity].view) !== 'none';
    if (!allowed) socket.emit('refused', key, topic ? 'FORBIDDEN' : 'BAD_INPUT');
    return Boolean(allowed);
  }

  #definitionOf({ member, socket }: Watcher, key: string): FoundTotals | undefined {
    const found = findTotals(this.#live.options.totals, key);
    const allowed = found && levelOf(member, entityAccess[found.definition.entity].view) !== 'none';
    if (!allowed) socket.emit('refused', key, found ? 'FORBIDDEN' : 'BAD_INPUT');
    return allowed ? found : undefined;
  }

  async #snapshot({ hub, member, rights }: Watcher, key: string): Promise<Snapshot> {
    const topic = parseTopic(key);
    if (!topic) throw new Error(`No topic ${key}`);
    const kept = this.#keptOf(hub);
    const id = totalsId(key, rightsOn(topic.entity, rights));
    const earlier = await kept.get(id)?.catch(() => undefined);
    if (earlier && hub.remembers(earlier.position) && hub.position - earlier.position <= freshFor)
      return earlier;
    const loading = this.#onDisk(this.#live.source.topic(member, topic)).then(
      ({ position, result }) => ({ position, body: result }),
    );
    kept.delete(id);
    kept.set(id, loading);
    if (kept.size > 60) kept.delete(kept.keys().next().value ?? id);
    loading.catch(() => kept.delete(id));
    return loading;
  }

  async #onDisk<T>(reading: Promise<AtPosition<T>>): Promise<AtPosition<T>> {
    const found = await reading;
    await this.#live.flush.barrier();
    return found;
  }

  #keptOf(hub: Hub): Map<string, Promise<Snapshot>> {
    const kept = this.#snapshots.get(hub) ?? new Map<string, Promise<Snapshot>>();
    this.#snapshots.set(hub, kept);
    return kept;
  }

  async #figures(
    { hub, member, rights }: Watcher,
    { key, definition, params }: FoundTotals,
  ): Promise<Totals> {
    const onlyThese = rightsOn(definition.entity, rights);
    const id = totalsId(key, onlyThese);
    const shared = hub.totals.get(id);
    if (shared) return shared;
    const { position, result } = await this.#onDisk(
      this.#live.source.figures(member, definition, params as never),
    );
    await this.#reach(hub, [{ position }]);
    const loadedMeanwhile = hub.totals.get(id);
    if (loadedMeanwhile) return loadedMeanwhile;
    if (!hub.remembers(position))
      return this.#figures({ hub, member, rights } as Watcher, { key, definition, params });
    const measure = definition.measure(params as never);
    const { entity } = definition;
    const totals = new Totals({
      key,
      entity,
      measure,
      rights: onlyThese,
      position,
      entries: result,
    });
    return hub.adopt(totals);
  }
}

interface FoundTotals {
  key: string;
  definition: TotalsDefinition<never>;
  params: unknown;
}

function findTotals(
  definitions: readonly TotalsDefinition<never>[],
  key: string,
): FoundTotals | undefined {
  const mark = key.indexOf('?');
  const definition = definitions.find(({ name }) => name === key.slice(0, mark));
  if (!definition) return undefined;
  try {
    const parsed = z.safeParse(definition.params, JSON.parse(key.slice(mark + 1)));
    return parsed.success ? { key, definition, params: parsed.data } : undefined;
  } catch {
    return undefined;
  }
}
