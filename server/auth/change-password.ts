import { sql } from 'kysely';
import { AppError, badInput } from '#lib/shared/errors.ts';
import { noteOfPerson, originOf, type Origin } from '../audit/events.ts';
import { assertGoodPassword, hashPassword, verifyPassword } from './password.ts';
import type { AuthParts } from './person.ts';
import { endSignIns } from './sessions.ts';
import { giveTryBack, passwordChangeAllowance, takeTry } from './throttle.ts';

/** Every other sign-in of the person ends, sessions and tokens alike. */
export async function changePassword(
  parts: AuthParts,
  {
    userId,
    current,
    next,
    keep,
    origin,
  }: {
    userId: string;
    current: string;
    next: string;
    keep?: string | undefined;
    origin?: Origin;
  },
): Promise<void> {
  const attempt = { allowance: passwordChangeAllowance, who: [userId] };
  await takeTry(parts, attempt);
  const user = await parts.db
    .selectFrom('platform.users')
    .select(['email', 'passwordHash'])
    .where('id', '=', userId)
    .where('isActive', '=', true)
    .executeTakeFirst();
  if (!user) throw new AppError('UNAUTHENTICATED', { reason: 'signInFirst' });
  if (!(await verifyPassword(user.passwordHash, current)))
    throw badInput('current', 'wrongPassword');
  await giveTryBack(parts, attempt);
  assertGoodPassword('next', next, user.email);
  if (current === next) throw badInput('next', 'samePassword');
  await setPassword(parts, { userId, password: next });
  await endSignIns(parts, { userId, except: keep });
  await noteOfPerson(parts, userId, { kind: 'passwordChanged', ...originOf(origin) });
  parts.log.info({ event: 'password changed', userId }, 'password changed');
}

export async function setPassword(
  { db }: Pick<AuthParts, 'db'>,
  {
    userId,
    password,
    isOneTime = false,
  }: { userId: string; password: string; isOneTime?: boolean },
): Promise<void> {
  await db
    .updateTable('platform.users')
    .set({
      passwordHash: await hashPassword(password),
      mustChangePassword: isOneTime,
      passwordChangedAt: sql<Date>`now()`,
    })
    .where('id', '=', userId)
    .execute();
}
