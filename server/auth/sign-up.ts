import { newId } from '#lib/shared/ids.ts';
import { badInput } from '#lib/shared/errors.ts';
import { commit, type Committer } from '../live/commit.ts';
import type { Tx } from '../live/transaction.ts';
import { createOrganization } from '../organizations.ts';
import { assertGoodPassword, hashPassword } from './password.ts';
import type { AuthParts } from './person.ts';
import { normalEmail } from './sign-in.ts';
import { signUpAllowance, takeTry } from './throttle.ts';

export type AccountParts = AuthParts & { live: Committer };

export interface NewAccount {
  email: string;
  name: string;
  password: string;
  locale: 'en' | 'ru';
}

/** An account and an organization of its own, both or neither. */
export async function signUp(
  parts: AccountParts,
  {
    organization,
    ip,
    ...account
  }: NewAccount & { ip: string; organization: { name: string; timeZone?: string | undefined } },
): Promise<{ userId: string; organizationId: string; slug: string; memberId: string }> {
  await takeTry(parts, { allowance: signUpAllowance, who: [ip] });
  const user = await prepareUser(account);
  const [organizationId, memberId] = [newId(), newId()];
  const { data } = await commit(parts.live, { organizationId, actor: memberId }, async (tx) => {
    await addUser(tx, user);
    const owner = { memberId, userId: user.id, name: user.name, email: user.email };
    const { locale } = account;
    return createOrganization(tx, { organizationId, ...organization, locale, owner });
  });
  return { userId: user.id, organizationId, slug: data.slug, memberId };
}

/** All that takes time is done before the transaction begins. */
export async function prepareUser({ email, name, password, locale }: NewAccount) {
  const address = normalEmail(email);
  assertGoodPassword('password', password, address);
  const passwordHash = await hashPassword(password);
  return { id: newId(), email: address, name: name.trim(), passwordHash, locale };
}

export async function addUser(
  tx: Tx,
  user: Awaited<ReturnType<typeof prepareUser>>,
): Promise<void> {
  const added = await tx
    .insertInto('platform.users')
    .values({ ...user, passwordChangedAt: new Date() })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!added) throw badInput('email', 'emailTaken');
}
