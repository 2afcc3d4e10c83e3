import type { Member } from '../access.ts';
import type { Identity } from './identify.ts';
import { findPerson, membershipIn, type AuthParts, type Person } from './person.ts';

/** By the organization's slug or id, as it is at this moment; undefined for a stranger. */
export async function findMember(
  parts: Pick<AuthParts, 'pool'>,
  identity: Pick<Identity, 'userId' | 'organizationId'>,
  organization: string,
): Promise<Member | undefined> {
  const person = await findPerson(parts, identity.userId);
  return person && memberFor(person, identity, organization);
}

/** Without a name: the organization of the token, or the only one there is. */
export function memberFor(
  person: Person,
  { organizationId }: Pick<Identity, 'organizationId'>,
  organization: string | undefined,
): Member | undefined {
  const only = person.memberships.length === 1 ? person.memberships[0]?.organizationId : undefined;
  const named = organization ?? organizationId ?? only;
  const found = named === undefined ? undefined : membershipIn(person, named);
  return organizationId && found?.organizationId !== organizationId ? undefined : found;
}
