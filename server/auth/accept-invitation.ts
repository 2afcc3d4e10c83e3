import { sql } from 'kysely';
import { AppError, notFound } from '#lib/shared/errors.ts';
import { newId } from '#lib/shared/ids.ts';
import { commit } from '../live/commit.ts';
import type { Tx } from '../live/transaction.ts';
import type { AuthParts } from './person.ts';
import { fingerprint } from './secrets.ts';
import { addUser, prepareUser, type AccountParts, type NewAccount } from './sign-up.ts';
import { signUpAllowance, takeTry } from './throttle.ts';

export interface OpenInvitation {
  organizationId: string;
  id: string;
  slug: string;
  organizationName: string;
  email: string | null;
  roleName: string;
  memberName: string | null;
  state: 'open' | 'used' | 'expired';
}

interface Joining {
  userId: string;
  name: string;
  email: string;
}

export async function findInvitation(
  { db }: Pick<AuthParts, 'db'>,
  token: string,
): Promise<OpenInvitation | undefined> {
  const { rows } = await sql<OpenInvitation>`
    select organization_id, id, slug, organization_name, email, role_name, member_name,
      case when accepted_at is not null then 'used' when expires_at <= now() then 'expired' else 'open' end as state
    from platform.invitation_of(${fingerprint(token)})`.execute(db);
  return rows[0];
}

/** Makes the person a member, or the member's account theirs. Once, however often it is asked. */
export async function acceptInvitation(
  parts: AccountParts,
  { token, person }: { token: string; person: Joining },
): Promise<{ slug: string; memberId: string }> {
  const invitation = await findInvitation(parts, token);
  if (!invitation) throw notFound();
  return join(parts, invitation, (tx, memberId) => takeIn(tx, { invitation, person, memberId }));
}

/** The same for somebody who has no account yet: account and membership, both or neither. */
export async function signUpByInvitation(
  parts: AccountParts,
  { token, ip, ...account }: NewAccount & { token: string; ip: string },
): Promise<{ slug: string; memberId: string; userId: string }> {
  await takeTry(parts, { allowance: signUpAllowance, who: [ip] });
  const invitation = await findInvitation(parts, token);
  if (!invitation) throw notFound();
  const user = await prepareUser(account);
  const person = { userId: user.id, name: user.name, email: user.email };
  const joined = await join(parts, invitation, async (tx, memberId) => {
    await addUser(tx, user);
    return takeIn(tx, { invitation, person, memberId });
  });
  return { ...joined, userId: user.id };
}

async function join(
  { live }: AccountParts,
  { organizationId, slug }: OpenInvitation,
  run: (tx: Tx, memberId: string) => Promise<string>,
): Promise<{ slug: string; memberId: string }> {
  const actor = newId();
  const { data } = await commit(live, { organizationId, actor }, (tx) => run(tx, actor));
  return { slug, memberId: data };
}

async function takeIn(
  tx: Tx,
  {
    invitation,
    person,
    memberId,
  }: { invitation: OpenInvitation; person: Joining; memberId: string },
): Promise<string> {
  const { organizationId } = invitation;
  const { userId, name, email } = person;
  const offer = await tx
    .selectFrom('invitations')
    .select(['id', 'email', 'roleId', 'teamId', 'memberId', 'acceptedAt', 'createdBy'])
    .select(sql<boolean>`expires_at <= now()`.as('isExpired'))
    .where('organizationId', '=', organizationId)
    .where('id', '=', invitation.id)
    .forUpdate()
    .executeTakeFirstOrThrow(notFound);
  const members = tx.updateTable('members').where('organizationId', '=', organizationId);
  const own = await tx
    .selectFrom('members')
    .select(['id', 'isActive'])
    .where('organizationId', '=', organizationId)
    .where('userId', '=', userId)
    .executeTakeFirst();
  if (own?.isActive) return own.id;
  if (offer.acceptedAt) throw new AppError('CONFLICT', { reason: 'invitationUsed' });
  if (offer.isExpired) throw new AppError('CONFLICT', { reason: 'invitationExpired' });
  if (offer.email && offer.email !== email) {
    throw new AppError('FORBIDDEN', {
      reason: 'invitationForAnother',
      params: { email: offer.email },
    });
  }
  const { roleId, teamId } = offer;
  await tx
    .updateTable('invitations')
    .set({ acceptedAt: sql<Date>`now()` })
    .where('organizationId', '=', organizationId)
    .where('id', '=', offer.id)
    .execute();
  if (own) {
    await members.set({ isActive: true, roleId, teamId }).where('id', '=', own.id).execute();
    return own.id;
  }
  if (!offer.memberId) {
    const { createdBy } = offer;
    await tx
      .insertInto('members')
      .values({ organizationId, id: memberId, userId, name, email, roleId, teamId, createdBy })
      .execute();
    return memberId;
  }
  const linked = await members
    .set((eb) => ({
      userId,
      roleId,
      teamId: teamId ?? eb.ref('teamId'),
      email: eb.fn.coalesce('email', eb.val(email)),
      isActive: true,
    }))
    .where('id', '=', offer.memberId)
    .where('userId', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (!linked) throw new AppError('CONFLICT', { reason: 'invitationUsed' });
  return linked.id;
}
