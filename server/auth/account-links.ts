import { sql } from 'kysely';
import type { AuthParts } from './person.ts';
import { fingerprint, newSecret } from './secrets.ts';

type Purpose = 'reset' | 'verify';

/** How long a link is good, in minutes. */
const lifetimes: Record<Purpose, number> = { reset: 60, verify: 7 * 24 * 60 };

export interface LinkOwner {
  userId: string;
  email: string;
}

/** A new link's token, stored as its hash alone; earlier links for the same are good no more. */
export async function makeLink(
  { db }: Pick<AuthParts, 'db'>,
  { userId, email, purpose }: LinkOwner & { purpose: Purpose },
): Promise<string> {
  const token = newSecret();
  await db
    .deleteFrom('platform.accountLinks')
    .where('userId', '=', userId)
    .where('purpose', '=', purpose)
    .execute();
  await db
    .insertInto('platform.accountLinks')
    .values({
      tokenHash: fingerprint(token),
      userId,
      email,
      purpose,
      expiresAt: sql<Date>`now() + make_interval(mins => ${lifetimes[purpose]})`,
    })
    .execute();
  return token;
}

/** Whose link it is, while it is good. */
export function findLink(
  { db }: Pick<AuthParts, 'db'>,
  { token, purpose }: { token: string; purpose: Purpose },
): Promise<LinkOwner | undefined> {
  return db
    .selectFrom('platform.accountLinks as l')
    .innerJoin('platform.users as u', 'u.id', 'l.userId')
    .select(['l.userId', 'l.email'])
    .where('l.tokenHash', '=', fingerprint(token))
    .where('l.purpose', '=', purpose)
    .where('l.expiresAt', '>', sql<Date>`now()`)
    .where('u.isActive', '=', true)
    .whereRef('u.email', '=', 'l.email')
    .executeTakeFirst();
}

/** Takes the link away: of two who use it at once, one does. */
export async function useLink(
  parts: Pick<AuthParts, 'db'>,
  link: { token: string; purpose: Purpose },
): Promise<LinkOwner | undefined> {
  const owner = await findLink(parts, link);
  const { numDeletedRows } = await parts.db
    .deleteFrom('platform.accountLinks')
    .where('tokenHash', '=', fingerprint(link.token))
    .executeTakeFirst();
  return numDeletedRows > 0n ? owner : undefined;
}
