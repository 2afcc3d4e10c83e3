import type { App } from '../app.ts';
import type { Member } from '../access.ts';

/** What sign-in needs of the running server. */
export type AuthParts = Pick<App, 'config' | 'db' | 'pool' | 'log'>;

export interface Membership extends Member {
  organizationName: string;
  /** The versions of member, role and organization. */
  standing: string;
}

/** Somebody with an account, and what they may do in each of their organizations at this moment. */
export interface Person {
  userId: string;
  name: string;
  email: string;
  /** Until they have, they are in no organization. */
  mustChangePassword: boolean;
  /** Whether the address is proved to be theirs. */
  isVerified: boolean;
  /** The first joined comes first. */
  memberships: Membership[];
}

/** For a query that has platform.users as `u`: the whole person in the same question. */
export const personOfUser = `jsonb_build_object(
  'userId', u.id, 'name', u.name, 'email', u.email, 'mustChangePassword', u.must_change_password,
  'isVerified', u.email_verified_at is not null,
  'memberships', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'organizationId', m.organization_id, 'slug', m.slug, 'organizationName', m.organization_name,
      'userId', u.id, 'memberId', m.member_id, 'name', m.member_name, 'teamId', m.team_id,
      'roleId', m.role_id, 'roleSlug', m.role_slug, 'access', m.access, 'standing', m.standing)
      order by m.member_id), '[]')
    from platform.memberships_of(u.id) m where not u.must_change_password))`;

export async function findPerson(
  { pool }: Pick<AuthParts, 'pool'>,
  userId: string,
): Promise<Person | undefined> {
  const { rows } = await pool.query<{ person: Person }>(
    `select ${personOfUser} as person from platform.users u where u.id = $1 and u.is_active`,
    [userId],
  );
  return rows[0]?.person;
}

/** By slug or by id. */
export function membershipIn(person: Person, organization: string): Membership | undefined {
  return person.memberships.find(
    ({ slug, organizationId }) => slug === organization || organizationId === organization,
  );
}
