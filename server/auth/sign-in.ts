import { createHmac, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import { AppError } from '#lib/shared/errors.ts';
import { noteAside, noteOfPerson, noteStopped } from '../audit/events.ts';
import { verifyPassword } from './password.ts';
import { findPerson, type AuthParts, type Person } from './person.ts';
import { keyFor } from './secrets.ts';
import { giveTryBack, signInAllowances, takeTry } from './throttle.ts';

export interface SignInAttempt {
  email: string;
  password: string;
  ip: string;
  userAgent?: string | null | undefined;
  requestId?: string | undefined;
  /** The cookie `deviceCookie` of an earlier sign-in from the same browser. */
  device?: string | undefined;
}

export const deviceCookie = 'syncline_device';

/**
 * The person behind an address and a password. A wrong password and an unknown address are told
 * apart neither by words nor by time. Throws UNAUTHENTICATED, or TOO_MANY.
 */
export async function checkPassword(parts: AuthParts, attempt: SignInAttempt): Promise<Person> {
  const email = normalEmail(attempt.email);
  const { config, db } = parts;
  // Whoever shuts an account by guessing does not shut out the browser that its owner is known by.
  const allowances = signInAllowances(config);
  const isKnown = isDeviceOf(config.secretKeys, email, attempt.device);
  const tries = isKnown
    ? [{ allowance: allowances.device, who: [email, attempt.device ?? ''] }]
    : [
        { allowance: allowances.accountAndAddress, who: [email, attempt.ip] },
        { allowance: allowances.account, who: [email] },
      ];
  try {
    for (const one of tries) await takeTry(parts, one);
  } catch (error) {
    noteStopped(parts, email, attempt);
    throw error;
  }
  const user = await db
    .selectFrom('platform.users')
    .select(['id', 'passwordHash', 'isActive'])
    .where(sql`lower(email)`, '=', email)
    .executeTakeFirst();
  const isRight = await verifyPassword(user?.passwordHash, attempt.password);
  const person = user && isRight && user.isActive ? await findPerson(parts, user.id) : undefined;
  if (!user || !person) {
    const { ip, userAgent, requestId } = attempt;
    // Not waited for: the time would tell that there is such an account.
    if (user)
      noteAside(
        parts,
        noteOfPerson(parts, user.id, { kind: 'signInFailed', ip, userAgent, requestId }),
      );
    throw new AppError('UNAUTHENTICATED', { reason: 'wrongPassword' });
  }
  for (const one of tries) await giveTryBack(parts, one);
  await db
    .updateTable('platform.users')
    .set({ lastSignInAt: sql<Date>`now()` })
    .where('id', '=', user.id)
    .execute();
  return person;
}

export const normalEmail = (email: string): string => email.trim().normalize('NFC').toLowerCase();

/** Known by after a sign-in; it opens nothing. */
export function deviceOf(secretKeys: string[], email: string): string {
  const [newest = ''] = secretKeys;
  return createHmac('sha256', keyFor('device', newest))
    .update(normalEmail(email))
    .digest('base64url');
}

function isDeviceOf(secretKeys: string[], email: string, device: string | undefined): boolean {
  if (!device) return false;
  const given = Buffer.from(device);
  return secretKeys.some((key) => {
    const known = Buffer.from(deviceOf([key], email));
    return known.length === given.length && timingSafeEqual(known, given);
  });
}
