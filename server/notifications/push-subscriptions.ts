import { sql } from 'kysely';
import type { App } from '../app.ts';

/** A browser as it describes itself. */
export interface Browser {
  endpoint: string;
  p256dh: string;
  auth: string;
}

interface SignIn {
  userId: string;
  sessionHash: string;
}

/** The oldest gives way to one more. */
const mostOfOne = 10;

/** Keeps a browser as long as the sign-in lasts; whoever else it was kept for is not reached there any more. */
export async function keepBrowser(
  { db }: Pick<App, 'db'>,
  { userId, sessionHash }: SignIn,
  { endpoint, ...keys }: Browser,
): Promise<void> {
  const mine = { userId, sessionHash: Buffer.from(sessionHash, 'hex'), ...keys };
  await db.transaction().execute(async (tx) => {
    // Two at once would not see each other when they are counted.
    await tx
      .selectFrom('platform.users')
      .select('id')
      .where('id', '=', userId)
      .forUpdate()
      .execute();
    await tx.deleteFrom('platform.pushSubscriptions').where('endpoint', '=', endpoint).execute();
    await tx
      .insertInto('platform.pushSubscriptions')
      .values({ endpoint, ...mine })
      .execute();
    await tx
      .deleteFrom('platform.pushSubscriptions')
      .where('userId', '=', userId)
      .where('id', 'not in', (those) =>
        those
          .selectFrom('platform.pushSubscriptions')
          .select('id')
          .where('userId', '=', userId)
          .orderBy('createdAt', 'desc')
          .limit(mostOfOne),
      )
      .execute();
  });
}

export async function dropBrowser(
  { db }: Pick<App, 'db'>,
  userId: string,
  endpoint: string,
): Promise<void> {
  await db
    .deleteFrom('platform.pushSubscriptions')
    .where('userId', '=', userId)
    .where('endpoint', '=', endpoint)
    .execute();
}

export async function isKept(
  { db }: Pick<App, 'db'>,
  { userId, sessionHash }: SignIn,
  endpoint: string,
): Promise<boolean> {
  const found = await db
    .selectFrom('platform.pushSubscriptions')
    .select(sql`1`.as('one'))
    .where('userId', '=', userId)
    .where('endpoint', '=', endpoint)
    .where('sessionHash', '=', Buffer.from(sessionHash, 'hex'))
    .executeTakeFirst();
  return found !== undefined;
}
