import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub } from './hub.ts';
import { Listing, type ListDefinition, type LoadedList } from './listing.ts';
import type { Found } from './named.ts';
import type { LiveServer } from './server.ts';
import { parseTopic, type Snapshot, type Topic } from './snapshots.ts';
import type { AtPosition } from './source.ts';
import { rightsOn, Totals, totalsId, type TotalsDefinition } from './totals.ts';
import type { Watcher } from './watcher.ts';

/** Lists of an organization that are kept at once, whoever looks at them. */
const mostLists = 60;
/** A kept snapshot is used again while it is at most this many transactions old. */
const freshFor = 300;
/** Snapshots of an organization that are kept at once. */
const mostSnapshots = 60;
const snapshotBytes = 64_000_000;
/** A stale list is loaded anew after this wait, in milliseconds. */
const refreshAfter = 250;

/** Reads what watchers ask for, once for all who have the same rights, and never shows what is not on disk. */
export class Loading {
  readonly #live: LiveServer;
  readonly #keptSnapshots = new WeakMap<Hub, Map<string, Promise<Snapshot>>>();
  readonly #loaders = new WeakMap<Listing, Loader>();
  readonly #refreshing = new WeakSet<Listing>();

  constructor(live: LiveServer) {
    this.#live = live;
  }

  /** Waits until the hub is where the rows that were read are; rows must not run ahead of frames. */
  async reach(hub: Hub, read: { position: number }[]): Promise<void> {
    const position = Math.max(0, ...read.map((one) => one.position));
    while (hub.position < position) await this.#live.tail.read(hub, position);
  }

  /** Loads the lists anew that what has just come in has made stale. */
  refresh(hub: Hub): void {
    for (const list of hub.kept.lists.values()) {
      const loading = list.isStale && this.#loaders.get(list);
      if (!loading || this.#refreshing.has(list)) continue;
      this.#refreshing.add(list);
      this.#refresh(hub, list, loading)
        .catch((error: unknown) =>
          this.#live.options.log.warn({ err: error }, 'a list could not be loaded'),
        )
        .finally(() => this.#refreshing.delete(list));
    }
  }

  async #refresh(hub: Hub, list: Listing, load: Loader): Promise<void> {
    // What makes one change often makes many: one loading is for all of them.
    await sleep(refreshAfter);
    while (list.isStale && hub.kept.lists.get(list.id) === list) {
      const loaded = await this.#onDisk(load());
      await this.reach(hub, [loaded]);
      if (hub.remembers(loaded.position)) hub.relist(list, loaded);
    }
  }

  /** Single records are read together, everything else topic by topic. */
  async snapshots(watcher: Watcher, keys: string[]): Promise<Map<string, Snapshot>> {
    const { member } = watcher;
    const single = Map.groupBy(
      keys.filter((key) => isSingle(parseTopic(key))),
      (key) => parseTopic(key)?.entity,
    );
    const found = await Promise.all([
      ...keys
        .filter((key) => !isSingle(parseTopic(key)))
        .map(async (key) => [[key, await this.#snapshot(watcher, key)] as const]),
      ...[...single].map(async ([entity, those]) => {
        if (!entity) return [];
        const ids = those.map((key) => parseTopic(key)?.values[0] ?? '');
        const reading = this.#live.source.records(member, entity, ids);
        const { position, result } = await this.#onDisk(reading);
        return those.map((key, at) => {
          const body = result.get(ids[at] ?? '') ?? nothing;
          return [key, { position, body }] as const;
        });
      }),
    ]);
    return new Map(found.flat());
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
    loading.then(
      () => this.#forgetOldest(kept),
      () => kept.delete(id),
    );
    return loading;
  }

  /** Those that were loaded longest ago go, by number and by bytes. */
  async #forgetOldest(kept: Map<string, Promise<Snapshot>>): Promise<void> {
    let bytes = 0;
    for (const [at, [id, loading]] of [...kept].reverse().entries()) {
      bytes += (await loading.catch(() => undefined))?.body.byteLength ?? 0;
      if (at >= mostSnapshots || bytes > snapshotBytes) kept.delete(id);
    }
  }

  async #onDisk<T>(reading: Promise<AtPosition<T>>): Promise<AtPosition<T>> {
    const found = await reading;
    await this.#live.flush.barrier();
    return found;
  }

  #keptOf(hub: Hub): Map<string, Promise<Snapshot>> {
    const kept = this.#keptSnapshots.get(hub) ?? new Map<string, Promise<Snapshot>>();
    this.#keptSnapshots.set(hub, kept);
    return kept;
  }

  async figures(
    { hub, member, rights }: Watcher,
    { key, definition, params }: Found<TotalsDefinition<never>>,
  ): Promise<Totals> {
    const onlyThese = rightsOn(definition.entity, rights);
    const id = totalsId(key, onlyThese);
    const shared = hub.kept.totals.get(id);
    if (shared) return shared;
    const { position, result } = await this.#onDisk(
      this.#live.source.figures(member, definition, params as never),
    );
    await this.reach(hub, [{ position }]);
    const loadedMeanwhile = hub.kept.totals.get(id);
    if (loadedMeanwhile) return loadedMeanwhile;
    if (!hub.remembers(position))
      return this.figures({ hub, member, rights } as Watcher, { key, definition, params });
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

  async listings(watcher: Watcher, wished: Found<ListDefinition<never>>[]): Promise<Listing[]> {
    const found = await Promise.all(wished.map((one) => this.#listing(watcher, one)));
    return found.flatMap((list) => list ?? []);
  }

  async #listing(
    { hub, member, rights, socket }: Watcher,
    { key, definition, params }: Found<ListDefinition<never>>,
  ): Promise<Listing | undefined> {
    const { entity } = definition;
    const onlyThese = rightsOn(entity, rights);
    const shared = hub.kept.lists.get(totalsId(key, onlyThese));
    if (shared) return shared;
    if (hub.kept.lists.size >= mostLists) {
      socket.emit('refused', key, 'TOO_MANY');
      return undefined;
    }
    const load: Loader = () => this.#live.source.list(member, definition, params as never);
    const { position, result } = await this.#onDisk(load());
    const list = new Listing({ key, entity, rights: onlyThese, position, list: result });
    this.#loaders.set(list, load);
    return list;
  }
}

type Loader = () => Promise<AtPosition<LoadedList>>;

const nothing = Buffer.from('[]');

/** Whether a topic is one record by its id. */
const isSingle = (topic: Topic | undefined): boolean =>
  topic?.by.length === 1 && topic.by[0] === 'id';
