import { deleteDB } from 'idb';
import { databasePrefix, keptFor, openKept } from './unsent.ts';

/** Deletes all that this browser keeps of ours, whoever's it is: the next person must not find it. */
export async function forgetAll(): Promise<void> {
  await Promise.all([...(await keptNames()).map(drop), stopPushes()]);
}

/** What is pushed here is for whoever signs out. */
async function stopPushes(): Promise<void> {
  // There is none where the page was not opened over https.
  const worker = 'serviceWorker' in navigator ? navigator.serviceWorker : undefined;
  await (await worker?.getRegistration())?.unregister();
}

/** Deletes what it keeps of one person in one organization. */
export const forget = (owner: string): Promise<void> => drop(`${databasePrefix}${owner}`);

/** Another tab that is slow to let go does not hold this one up: its data goes when it does. */
function drop(name: string): Promise<void> {
  return new Promise((resolve) => {
    void deleteDB(name, { blocked: () => resolve() }).then(resolve, () => resolve());
  });
}

/** Changes that were never sent, or were refused and nobody has decided over. */
export async function countKept(): Promise<number> {
  const counts = await Promise.all(
    (await keptNames()).map(async (name) => {
      const database = await openKept(name);
      const those = await Promise.all([database.count('changes'), database.count('refused')]);
      database.close();
      return those[0] + those[1];
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Lets go of what others have left here and have not come back for. */
export async function forgetOld(now = Date.now()): Promise<void> {
  for (const name of await keptNames()) {
    const database = await openKept(name);
    const [changes, refused] = await Promise.all([
      database.getAll('changes'),
      database.getAll('refused'),
    ]);
    database.close();
    const newest = Math.max(
      ...changes.map(({ madeAt }) => madeAt),
      ...refused.map(({ refusedAt }) => refusedAt),
    );
    if (Number.isFinite(newest) && newest < now - keptFor) await deleteDB(name);
  }
}

async function keptNames(): Promise<string[]> {
  const all = await indexedDB.databases();
  return all.flatMap(({ name }) => (name?.startsWith(databasePrefix) ? [name] : []));
}
