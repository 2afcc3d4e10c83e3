import type { Tx } from '../live/transaction.ts';
import { administers, listeners } from './people.ts';
import type { Told } from './told.ts';

/** What concerns an organization as a whole: told to those who manage it, as long as they do. */
export async function toAdministrators(
  tx: Tx,
  { id, name }: { id: string; name: string },
): Promise<Pick<Told, 'to' | 'toFollowers' | 'actor' | 'targets' | 'about' | 'position' | 'at'>> {
  return {
    // Of everybody, those who hold the target's key.
    to: [...(await listeners(tx)).keys()],
    toFollowers: false,
    actor: null,
    targets: [
      {
        ...{ entity: 'organizations', id, title: name, keys: [administers] },
        ...{ ownerId: null, createdBy: null },
      },
    ],
    about: undefined,
    position: 0,
    at: new Date(),
  };
}
