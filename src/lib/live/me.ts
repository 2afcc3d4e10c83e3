import type { Row } from '#lib/shared/entities.ts';
import { covers, levelOf, type Access, type Standing } from '#lib/shared/standing.ts';

export interface Me {
  memberId: string;
  name: string;
  teamId: string | null;
  access: Access;
}

export interface MeNow extends Me {
  can(permission: string): boolean;
  covers(permission: string, record: { ownerId: string | null; teamId: string | null }): boolean;
}

/** What I may do by my rows of this moment; by what the page was opened with, until those are here. */
export function meNow(
  me: Me,
  member: Row<'members'> | undefined,
  role: Row<'roles'> | undefined,
): MeNow {
  const standing: Standing = {
    memberId: me.memberId,
    teamId: member ? member.teamId : me.teamId,
    access: (role?.access as Access | undefined) ?? me.access,
  };
  return {
    ...standing,
    name: member?.name ?? me.name,
    can: (permission) => levelOf(standing, permission) !== 'none',
    covers: (permission, record) => covers(standing, permission, record),
  };
}
