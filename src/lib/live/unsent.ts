import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

/** A change as it waits in the browser's database, one row each. */
export interface UnsentChange {
  /** The tab that made it; with `seq` its mutation id. */
  clientId: string;
  seq: number;
  name: string;
  input: unknown;
  /** Milliseconds since 1970. */
  madeAt: number;
}

interface Schema extends DBSchema {
  changes: { key: [string, number]; value: UnsentChange };
}

/**
 * Unsent changes of one person in one organization, kept through a reload and a crash. A tab holds a
 * lock under its client id as long as it lives; what a tab without its lock has left is taken over by
 * the next one that opens, and sent under the ids it had, so that nothing is done twice. A browser that
 * keeps nothing (private mode, a full disk) leaves the changes in memory.
 */
export class UnsentChanges {
  readonly #database: Promise<IDBPDatabase<Schema> | undefined>;
  readonly #clientId: string;

  constructor({ owner, clientId }: { owner: string; clientId: string }) {
    this.#clientId = clientId;
    this.#database = openDB<Schema>(`syncline unsent ${owner}`, 1, {
      upgrade: (database) =>
        void database.createObjectStore('changes', { keyPath: ['clientId', 'seq'] }),
    }).catch(() => undefined);
    void holdLock(clientId);
  }

  async keep(change: UnsentChange): Promise<void> {
    await (await this.#database)?.put('changes', change).catch(() => undefined);
  }

  async drop({ clientId, seq }: Pick<UnsentChange, 'clientId' | 'seq'>): Promise<void> {
    await (await this.#database)?.delete('changes', [clientId, seq]).catch(() => undefined);
  }

  /** The changes that tabs which are gone have left, in the order they were made. */
  async takeOver(): Promise<UnsentChange[]> {
    const all = await (await this.#database)?.getAll('changes').catch(() => undefined);
    const others = (all ?? []).filter(({ clientId }) => clientId !== this.#clientId);
    const clients = [...new Set(others.map(({ clientId }) => clientId))];
    const taken = await Promise.all(clients.map(holdLock));
    return others
      .filter(({ clientId }) => taken[clients.indexOf(clientId)])
      .sort((a, b) => a.madeAt - b.madeAt || a.seq - b.seq);
  }
}

/** Holds the lock of a client until this tab is gone; false when another tab has it. */
function holdLock(clientId: string): Promise<boolean> {
  // Without locks (a page over plain http) a change may be sent by two tabs, which has one effect.
  const { locks } = navigator as Partial<Navigator>;
  if (!locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    void locks.request(`syncline ${clientId}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise<void>(() => undefined) : undefined;
    });
  });
}
