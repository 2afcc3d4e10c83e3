import { notFound } from '#lib/shared/errors.ts';
import { newId } from '#lib/shared/ids.ts';
import type { Member } from '../access.ts';
import { commit } from '../live/commit.ts';
import { grantableRole } from '../members.ts';
import type { Context } from '../trpc.ts';
import { addUser, prepareUser, type NewAccount } from './sign-up.ts';

/** A new account that is a member of the caller's organization. */
export async function createAccountMember(
  { app, member }: Context & { member: Member },
  { role: slug, ...account }: NewAccount & { role: string },
) {
  const { organizationId, memberId } = member;
  const user = await prepareUser(account);
  return commit(app.live, { organizationId, actor: memberId }, async (tx) => {
    const role = await tx
      .selectFrom('roles')
      .select('id')
      .where('organizationId', '=', organizationId)
      .where('slug', '=', slug)
      .executeTakeFirstOrThrow(notFound);
    await grantableRole(tx, member, role.id);
    await addUser(tx, user);
    const { email, name } = user;
    await tx
      .insertInto('members')
      .values({
        organizationId,
        id: newId(),
        userId: user.id,
        name,
        email,
        roleId: role.id,
        createdBy: memberId,
      })
      .execute();
    return { id: user.id, email, name };
  });
}
