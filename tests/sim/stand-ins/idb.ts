import { here } from '../here.ts';

type Stored = Record<string, unknown>;

/** The part of idb that the product uses, over the disk of the browser whose tab asks. */
export async function openDB(
  name: string,
  _version: number,
  { upgrade }: { upgrade(database: unknown): void },
): Promise<unknown> {
  const browser = here.browserOf?.();
  if (!browser) throw new Error('No browser');
  const stores = browser.storesOf(name);
  const store = (called: string) => {
    const found = stores.get(called);
    if (!found) throw new Error(`No store ${called}`);
    return found;
  };
  await wait();
  upgrade({
    objectStoreNames: { contains: (called: string) => stores.has(called) },
    createObjectStore: (called: string, { keyPath }: { keyPath: string[] }) => {
      if (!stores.has(called)) stores.set(called, { keyPath, rows: new Map() });
    },
  });
  return {
    /** All that is asked of it in one turn happens in one moment, or not at all. */
    transaction() {
      const steps: (() => void)[] = [];
      const done = wait().then(() => steps.forEach((step) => step()));
      return {
        done,
        objectStore: (called: string) => ({
          put(value: Stored) {
            const { keyPath, rows } = store(called);
            const key = JSON.stringify(keyPath.map((part) => value[part]));
            const kept = structuredClone(value);
            steps.push(() => rows.set(key, kept));
            return done;
          },
          delete(key: unknown) {
            steps.push(() => store(called).rows.delete(JSON.stringify(key)));
            return done;
          },
        }),
      };
    },
    async getAll(called: string) {
      await wait();
      return [...store(called).rows.values()].map((row) => structuredClone(row));
    },
    close: () => undefined,
  };
}

/** One after the other, in the order asked, also between tabs. */
const wait = (): Promise<void> =>
  new Promise((resolve) => void here.clock.after(here.browserOf?.()?.diskDelay() ?? 0, resolve));
