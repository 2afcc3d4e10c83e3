import { sql } from 'kysely';
import { AppError } from '#lib/shared/errors.ts';
import type { Config } from '../config.ts';
import type { AuthParts } from './person.ts';
import { fingerprint } from './secrets.ts';

/** How often something may fail: `most` times in `seconds`. */
export interface Allowance {
  name: string;
  most: number;
  seconds: number;
}

/** A guesser at one address has the tries of the settings; the account as a whole ten times those a day. */
export function signInAllowances({ signIn: { tries, minutes } }: Pick<Config, 'signIn'>) {
  return {
    accountAndAddress: { name: 'sign-in from', most: tries, seconds: minutes * 60 },
    account: { name: 'sign-in to', most: tries * 10, seconds: 24 * 3600 },
    device: { name: 'sign-in on', most: tries * 2, seconds: minutes * 60 },
  } satisfies Record<string, Allowance>;
}
export const resetAllowances = {
  from: { name: 'reset from', most: 20, seconds: 3600 },
  to: { name: 'reset to', most: 5, seconds: 3600 },
} satisfies Record<string, Allowance>;
export const signUpAllowance: Allowance = { name: 'sign-up from', most: 30, seconds: 3600 };
export const passwordChangeAllowance: Allowance = {
  name: 'password of',
  most: 10,
  seconds: 15 * 60,
};

/**
 * Takes one try from an allowance before the try is made, so that many at once cannot slip through.
 * Throws TOO_MANY with the seconds to wait.
 */
export async function takeTry(
  { db }: Pick<AuthParts, 'db'>,
  { allowance, who }: { allowance: Allowance; who: string[] },
): Promise<void> {
  const { most, seconds } = allowance;
  const { rows } = await sql<{ points: number; wait: number }>`
    insert into platform.throttles as t (key, points, expires_at)
    values (${keyOf(allowance, who)}, 1, now() + make_interval(secs => ${seconds}))
    on conflict (key) do update set
      points = case when t.expires_at <= now() then 1 else least(t.points + 1, ${most} + 1) end,
      expires_at = case when t.expires_at <= now() then excluded.expires_at else t.expires_at end
    returning points, ceil(extract(epoch from expires_at - now()))::int as wait`.execute(db);
  const [row] = rows;
  if (Math.random() < 0.01) await forgetOldTries(db);
  if (row && row.points > most) {
    const retryAfter = Math.max(1, row.wait);
    const params = { minutes: Math.ceil(retryAfter / 60) };
    throw new AppError('TOO_MANY', { reason: 'tooManyTries', params, retryAfter });
  }
}

/** A try that succeeded does not count. */
export async function giveTryBack(
  { db }: Pick<AuthParts, 'db'>,
  { allowance, who }: { allowance: Allowance; who: string[] },
): Promise<void> {
  await sql`update platform.throttles set points = greatest(points - 1, 0)
    where key = ${keyOf(allowance, who)}`.execute(db);
}

async function forgetOldTries(db: AuthParts['db']): Promise<void> {
  await sql`delete from platform.throttles where expires_at < now()`.execute(db);
}

// Hashed: the table says nothing of who tried.
const keyOf = ({ name }: Allowance, who: string[]): string =>
  `${name}:${fingerprint(JSON.stringify(who)).toString('base64url')}`;
