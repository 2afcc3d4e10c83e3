import { sql } from 'kysely';
import type { Access, Standing } from '#lib/shared/standing.ts';
import { can, memberKeys } from '../access.ts';
import type { Tx } from '../live/transaction.ts';
import type { Wishes } from './when.ts';

/** A member who can be told something: what he may see, and how he wants to hear of it. */
export interface Listener extends Wishes {
  memberId: string;
  keys: ReadonlySet<string>;
  kinds: unknown;
}

interface Stored extends Wishes {
  id: string;
  teamId: string | null;
  access: Access;
  kinds: unknown;
}

/** Everybody who is active and has an account, as of now. */
export async function listeners(tx: Tx): Promise<Map<string, Listener>> {
  const { rows } = await sql<Stored>`
    select m.id, m.team_id, r.access, p.kinds, coalesce(p.digest, 'instant') as digest,
      p.quiet_from, p.quiet_to, coalesce(p.time_zone, o.time_zone) as time_zone
    from members m
    join organizations o on o.id = m.organization_id
    join roles r on r.organization_id = m.organization_id and r.id = m.role_id
    left join notification_preferences p
      on p.organization_id = m.organization_id and p.member_id = m.id
    where m.is_active and m.user_id is not null`.execute(tx);
  return new Map(
    rows.map(({ id, teamId, access, ...wishes }) => [
      id,
      { ...wishes, memberId: id, keys: keysFor({ memberId: id, teamId, access }) },
    ]),
  );
}

/** The key of what is for administrators, and no record. */
export const administers = 'organization.manage:all';

const keysFor = (standing: Standing): ReadonlySet<string> =>
  new Set([
    ...memberKeys(standing),
    ...(can(standing, 'organization.manage') ? [administers] : []),
  ]);

export const holdsOne = (held: ReadonlySet<string>, keys: readonly string[]): boolean =>
  keys.some((key) => held.has(key));
