/** How far a permission reaches: every record, those of the team's members, one's own, none. */
export type Level = 'all' | 'team' | 'own' | 'none';
/** What a role grants: level by resource and action. */
export type Access = Record<string, Record<string, Level> | undefined>;

/** A member's place in the organization, as far as rights go. */
export interface Standing {
  memberId: string;
  teamId: string | null;
  access: Access;
}

/** `permission` is `resource.action`; what a role does not name it does not grant. */
export function levelOf({ access }: Pick<Standing, 'access'>, permission: string): Level {
  const [resource = '', action = ''] = permission.split('.');
  return access[resource]?.[action] ?? 'none';
}

/** Whether a permission reaches one record. `reachSql` of server/access.ts says the same in SQL. */
export function covers(
  standing: Standing,
  permission: string,
  record: { ownerId: string | null; teamId: string | null },
): boolean {
  const level = levelOf(standing, permission);
  if (level === 'all') return true;
  if (level === 'none') return false;
  const own = record.ownerId === standing.memberId;
  return level === 'own'
    ? own
    : own || (standing.teamId !== null && record.teamId === standing.teamId);
}
