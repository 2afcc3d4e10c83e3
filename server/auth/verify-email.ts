import { sql } from 'kysely';
import { AppError } from '#lib/shared/errors.ts';
import type { App } from '../app.ts';
import { hasPost } from '../mail.ts';
import { useLink } from './account-links.ts';
import { sendVerifyLink } from './letters.ts';
import { resetAllowances, takeTry } from './throttle.ts';

type Parts = Pick<App, 'config' | 'db' | 'pool' | 'log'>;

/** Sends the link that proves the address, unless it is proved or there is no post. */
export async function askToVerify(parts: Parts, userId: string): Promise<void> {
  if (!hasPost(parts)) return;
  await takeTry(parts, { allowance: resetAllowances.to, who: ['verify', userId] });
  const user = await parts.db
    .selectFrom('platform.users')
    .select(['id as userId', 'email', 'name', 'locale'])
    .where('id', '=', userId)
    .where('emailVerifiedAt', 'is', null)
    .executeTakeFirst();
  if (user) await sendVerifyLink(parts, { ...user, locale: user.locale === 'ru' ? 'ru' : 'en' });
}

export async function verifyEmail(parts: Parts, token: string): Promise<void> {
  const owner = await useLink(parts, { token, purpose: 'verify' });
  if (!owner) throw new AppError('NOT_FOUND', { reason: 'linkGone' });
  await parts.db
    .updateTable('platform.users')
    .set({ emailVerifiedAt: sql<Date>`now()` })
    .where('id', '=', owner.userId)
    .where('email', '=', owner.email)
    .execute();
}
