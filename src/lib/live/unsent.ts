import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from 'idb';
import type { ErrorCode, ErrorDetails } from '#lib/shared/errors.ts';
import type { ShownAs } from './store.svelte.ts';

/** A change as it waits in the browser's database, one row each. */
export interface UnsentChange {
  /** The tab that made it; with `seq` its mutation id. */
  clientId: string;
  seq: number;
  name: string;
  input: unknown;
  /** Milliseconds since 1970. */
  madeAt: number;
  /** What the record was called then, for the person who reads of it later. */
  about?: string | undefined;
  shownAs?: ShownAs | undefined;
}

/** A change that the server refused, or that waited too long to be sent unasked. */
export interface RefusedChange extends UnsentChange {
  refusedAt: number;
  code: ErrorCode;
  details: ErrorDetails;
  requestId?: string | undefined;
}

type Key = [clientId: string, seq: number];
interface Schema extends DBSchema {
  changes: { key: Key; value: UnsentChange };
  refused: { key: Key; value: RefusedChange };
}
type Writing = IDBPTransaction<Schema, ['changes', 'refused'], 'readwrite'>;

/** What every database of ours in the browser is called; signing out deletes them by it. */
export const databasePrefix = 'syncline unsent ';
/** After this many milliseconds a change is not sent unasked, and a refused one is let go of. */
export const keptFor = 30 * 24 * 3_600_000;

interface Options {
  /** One person in one organization. */
  owner: string;
  clientId: string;
  /** Tabs that are gone have left these, in the order they were made. */
  onLeft(changes: UnsentChange[]): void;
  /** How many changes are not known to be in the database; `failed` when it does not take them. */
  onUnkept(count: number, failed: boolean): void;
  /** Another tab has put something into the tray, or taken it out. */
  onTray(): void;
}

/**
 * Unsent changes of one person in one organization, kept through a reload and a crash. A tab holds a
 * lock under its client id as long as it lives; what it leaves is taken over by another open tab, or by
 * the next one that opens, and sent under the ids it had, so that nothing is done twice. A browser that
 * keeps nothing (private mode, a full disk) leaves the changes in memory, and says so.
 */
export class UnsentChanges {
  readonly #options: Options;
  readonly #database: Promise<IDBPDatabase<Schema>>;
  readonly #channel: BroadcastChannel | undefined;
  readonly #unkept = new Map<string, UnsentChange>();
  #hasFailed = false;
  readonly #known = new Set<string>();
  readonly #stop = new AbortController();

  constructor(options: Options) {
    const { owner, clientId } = options;
    this.#options = options;
    this.#known.add(clientId);
    void hold(clientId, { signal: this.#stop.signal });
    this.#database = openKept(`${databasePrefix}${owner}`, () => this.#tell(true));
    this.#database.catch(() => this.#tell(true));
    if (typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel(`${databasePrefix}${owner}`);
    this.#channel.onmessage = ({ data }: MessageEvent<{ tab?: string }>) => this.#hear(data);
  }

  /** Looks for what gone tabs have left, now and whenever another open one goes. */
  async start(): Promise<void> {
    this.#say({ tab: this.#options.clientId });
    const database = await this.#database.catch(() => undefined);
    const left = await database?.getAll('changes').catch(() => undefined);
    const clients = [...new Set(left?.map(({ clientId }) => clientId))];
    const unknown = clients.filter((clientId) => !this.#known.has(clientId));
    const gone = await Promise.all(
      unknown.map((clientId) => hold(clientId, { signal: this.#stop.signal, ifAvailable: true })),
    );
    unknown.filter((_, at) => !gone[at]).forEach((clientId) => this.#follow(clientId));
    await this.#takeOver(unknown.filter((_, at) => gone[at]));
  }

  stop(): void {
    this.#stop.abort();
    this.#channel?.close();
    void this.#database.then((database) => database.close()).catch(() => undefined);
  }

  /** Keeps a change; one that is a second attempt takes the place of the first in the same moment. */
  async keep(change: UnsentChange, insteadOf?: RefusedChange): Promise<void> {
    this.#unkept.set(nameOf(change), change);
    this.#tell(this.#hasFailed);
    try {
      const tx = await this.#write();
      await Promise.all([
        tx.objectStore('changes').put(change),
        insteadOf && tx.objectStore('refused').delete(keyOf(insteadOf)),
        tx.done,
      ]);
      this.#unkept.delete(nameOf(change));
      this.#tell(false);
    } catch {
      this.#tell(true);
    }
    if (insteadOf) this.#say({});
  }

  /** The server has answered. */
  async drop(change: Pick<UnsentChange, 'clientId' | 'seq'>): Promise<void> {
    this.#unkept.delete(nameOf(change));
    await this.#try((tx) => tx.objectStore('changes').delete(keyOf(change)));
    const [next] = this.#unkept.values();
    // There may be room now for what did not fit before.
    if (this.#hasFailed && next) void this.keep(next);
    else this.#tell(this.#hasFailed);
  }

  /** Moves a change to the tray; false when the database does not take it. */
  async refuse(refused: RefusedChange): Promise<boolean> {
    this.#unkept.delete(nameOf(refused));
    const isKept = await this.#try((tx) =>
      Promise.all([
        tx.objectStore('refused').put(refused),
        tx.objectStore('changes').delete(keyOf(refused)),
      ]),
    );
    this.#tell(this.#hasFailed);
    this.#say({});
    return isKept;
  }

  async discard(refused: RefusedChange): Promise<void> {
    await this.#try((tx) => tx.objectStore('refused').delete(keyOf(refused)));
    this.#say({});
  }

  /** What lies in the tray, the newest first; what has lain there too long is gone. */
  async refused(): Promise<RefusedChange[]> {
    const database = await this.#database.catch(() => undefined);
    const all = (await database?.getAll('refused').catch(() => undefined)) ?? [];
    const old = all.filter(({ refusedAt }) => refusedAt < Date.now() - keptFor);
    for (const one of old) await this.#try((tx) => tx.objectStore('refused').delete(keyOf(one)));
    return all.filter((one) => !old.includes(one)).sort((a, b) => b.refusedAt - a.refusedAt);
  }

  #follow(clientId: string): void {
    this.#known.add(clientId);
    const { signal } = this.#stop;
    void hold(clientId, { signal }).then((isMine) =>
      isMine ? this.#takeOver([clientId]) : undefined,
    );
  }

  async #takeOver(clients: string[]): Promise<void> {
    for (const clientId of clients) this.#known.add(clientId);
    const database = await this.#database.catch(() => undefined);
    const all = (await database?.getAll('changes').catch(() => undefined)) ?? [];
    const left = inOrder(all.filter(({ clientId }) => clients.includes(clientId)));
    const now = Date.now();
    const isOld = ({ madeAt }: UnsentChange): boolean => madeAt < now - keptFor;
    for (const one of left.filter(isOld)) {
      const details = { reason: 'waitedTooLong' };
      await this.refuse({ ...one, refusedAt: now, code: 'STALE', details });
    }
    const fresh = left.filter((one) => !isOld(one));
    if (fresh.length > 0) this.#options.onLeft(fresh);
    if (fresh.length < left.length) this.#options.onTray();
  }

  /** Tabs name themselves when they open, and are named to by those that were there. */
  #hear({ tab }: { tab?: string }): void {
    if (tab === undefined) return this.#options.onTray();
    if (this.#known.has(tab) || !locksOf(navigator)) return;
    this.#follow(tab);
    this.#say({ tab: this.#options.clientId });
  }

  #say(message: { tab?: string }): void {
    if (!this.#stop.signal.aborted) this.#channel?.postMessage(message);
  }

  #tell(failed: boolean): void {
    this.#hasFailed = failed;
    this.#options.onUnkept(this.#unkept.size, failed);
  }

  async #write(): Promise<Writing> {
    const database = await this.#database;
    // On the disk, not on its way there: a change may wait for days.
    return database.transaction(['changes', 'refused'], 'readwrite', { durability: 'strict' });
  }

  async #try(run: (tx: Writing) => Promise<unknown>): Promise<boolean> {
    try {
      const tx = await this.#write();
      await Promise.all([run(tx), tx.done]);
      return true;
    } catch {
      // It stays where it was, and is sent again under its id, with no second effect.
      return false;
    }
  }
}

export async function openKept(
  name: string,
  blocked: () => void = () => undefined,
): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(name, 2, {
    upgrade: (database) => {
      for (const store of ['changes', 'refused'] as const)
        if (!database.objectStoreNames.contains(store))
          database.createObjectStore(store, { keyPath: ['clientId', 'seq'] });
    },
    blocked,
    // A newer page wants to change it, or a sign-out to delete it.
    blocking: (_, __, event) => (event.target as IDBDatabase).close(),
  });
}

type Named = Pick<UnsentChange, 'clientId' | 'seq'>;
const keyOf = ({ clientId, seq }: Named): Key => [clientId, seq];
export const nameOf = (change: Named): string => keyOf(change).join(':');

/** By time; those of one tab as it numbered them, whatever the clock did meanwhile. */
function inOrder(changes: UnsentChange[]): UnsentChange[] {
  const latest = new Map<string, number>();
  return changes
    .sort((a, b) => a.seq - b.seq)
    .map((change) => {
      const at = Math.max(change.madeAt, latest.get(change.clientId) ?? 0);
      latest.set(change.clientId, at);
      return { change, at };
    })
    .sort((a, b) => a.at - b.at)
    .map(({ change }) => change);
}

// Without locks (a page over plain http) a change may be sent by two tabs, which has one effect.
const locksOf = ({ locks }: Partial<Navigator>): LockManager | undefined => locks;

/** Waits for the lock of a client and holds it until the signal; false when it is not to be had. */
function hold(
  clientId: string,
  { signal, ifAvailable }: { signal: AbortSignal; ifAvailable?: true },
): Promise<boolean> {
  const locks = locksOf(navigator);
  if (!locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const released = new Promise<void>((release) =>
      signal.addEventListener('abort', () => release()),
    );
    const options = ifAvailable ? { ifAvailable } : { signal };
    locks
      .request(`syncline ${clientId}`, options, (lock) => {
        resolve(lock !== null);
        return lock ? released : undefined;
      })
      .catch(() => resolve(false));
  });
}
