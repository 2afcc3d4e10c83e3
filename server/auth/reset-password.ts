import { sql } from 'kysely';
import { AppError } from '#lib/shared/errors.ts';
import type { App } from '../app.ts';
import { noteOfPerson, originOf, type Origin } from '../audit/events.ts';
import { hasPost } from '../mail.ts';
import { findLink, useLink } from './account-links.ts';
import { setPassword } from './change-password.ts';
import { sendResetLink } from './letters.ts';
import { assertGoodPassword } from './password.ts';
import { endSignIns } from './sessions.ts';
import { normalEmail } from './sign-in.ts';
import { resetAllowances, takeTry } from './throttle.ts';

type Parts = Pick<App, 'config' | 'db' | 'pool' | 'log'>;

/** Writes to whoever has the account, if somebody has; answers the same either way. */
export async function askForReset(
  parts: Parts,
  { email, ip }: { email: string; ip: string },
): Promise<void> {
  if (!hasPost(parts)) throw new AppError('UNAVAILABLE', { reason: 'noPost' });
  const address = normalEmail(email);
  await takeTry(parts, { allowance: resetAllowances.from, who: [ip] });
  await takeTry(parts, { allowance: resetAllowances.to, who: [address] });
  const user = await parts.db
    .selectFrom('platform.users')
    .select(['id as userId', 'email', 'name', 'locale'])
    .where(sql`lower(email)`, '=', address)
    .where('isActive', '=', true)
    .executeTakeFirst();
  if (user) await sendResetLink(parts, { ...user, locale: user.locale === 'ru' ? 'ru' : 'en' });
}

/** A new password by a link; every sign-in of the person ends. Answers the e-mail address. */
export async function resetPassword(
  parts: Parts,
  { token, password, origin }: { token: string; password: string; origin?: Origin },
): Promise<{ email: string }> {
  // Before the link is used up: a password that will not do can be mended.
  const known = await findLink(parts, { token, purpose: 'reset' });
  if (!known) throw new AppError('NOT_FOUND', { reason: 'linkGone' });
  assertGoodPassword('password', password, known.email);
  const owner = await useLink(parts, { token, purpose: 'reset' });
  if (!owner) throw new AppError('NOT_FOUND', { reason: 'linkGone' });
  await setPassword(parts, { userId: owner.userId, password });
  await endSignIns(parts, owner);
  await noteOfPerson(parts, owner.userId, { kind: 'passwordReset', ...originOf(origin) });
  parts.log.info({ event: 'password reset', userId: owner.userId }, 'password reset by a link');
  return owner;
}
