/**
 * Who may see what, once more: slow, obvious, written from the rules of the product and from nothing of
 * the engine. visible.ts says the same in SQL; a test holds the two equal.
 *
 * A member who is active in an active organization holds one role. The role names a level for each
 * `resource.action`; what it does not name, it does not grant. Customers, deals and activities belong to
 * an owner: all = every record; team = one's own and those whose owner is in one's team; own = one's own.
 * A deal's line is seen with its deal. What tells a member something, or how he wants to be told, is his
 * alone, whatever the role. Everything else belongs to nobody: any level but none shows it all.
 */
export type Stored = { id: string } & Record<string, unknown>;

/** The stored rows of one organization, columns named as in the database. */
export interface Rows {
  all(entity: string): Stored[];
  get(entity: string, id: string): Stored | undefined;
}

const seenBy: Record<string, [resource: string, action: string]> = {
  organizations: ['directory', 'view'],
  roles: ['directory', 'view'],
  teams: ['directory', 'view'],
  members: ['directory', 'view'],
  invitations: ['members', 'manage'],
  apiKeys: ['apiKeys', 'manage'],
  exchangeRates: ['directory', 'view'],
  pipelines: ['directory', 'view'],
  stages: ['directory', 'view'],
  lostReasons: ['directory', 'view'],
  products: ['products', 'view'],
  customers: ['customers', 'view'],
  deals: ['deals', 'view'],
  dealProducts: ['deals', 'view'],
  activities: ['activities', 'view'],
};
const owned = ['customers', 'deals', 'activities'];

const personal = ['notifications', 'follows', 'notificationPreferences', 'looks'];

/** The entities that are spoken of here. */
export const loopTables = [...Object.keys(seenBy), ...personal];

type Access = Record<string, Record<string, string> | undefined>;

export interface Standing {
  memberId: string;
  teamId: string | null;
  access: Access;
}

/** What a member may, now; undefined for who is no member any more. */
export function standingOf(rows: Rows, memberId: string): Standing | undefined {
  const member = rows.get('members', memberId);
  if (!member || member['is_active'] !== true) return undefined;
  const [organization] = rows.all('organizations');
  if (organization && organization['is_active'] === false) return undefined;
  const role = rows.get('roles', String(member['role_id']));
  return {
    memberId,
    teamId: (member['team_id'] as string | null | undefined) ?? null,
    access: (role?.['access'] ?? {}) as Access,
  };
}

/** Whether a permission reaches a record. */
export function reaches(
  rows: Rows,
  { memberId, teamId, access }: Standing,
  [resource, action]: [string, string],
  ownerId: unknown,
): boolean {
  const level = access[resource]?.[action] ?? 'none';
  if (level === 'all') return true;
  if (level === 'none' || typeof ownerId !== 'string') return false;
  if (ownerId === memberId) return true;
  const owner = rows.get('members', ownerId);
  return level === 'team' && teamId !== null && owner?.['team_id'] === teamId;
}

export function sees(rows: Rows, standing: Standing, entity: string, row: Stored): boolean {
  if (personal.includes(entity)) return row['member_id'] === standing.memberId;
  const permission = seenBy[entity];
  if (!permission) return false;
  if (owned.includes(entity)) return reaches(rows, standing, permission, row['owner_id']);
  if (entity === 'dealProducts') {
    const deal = rows.get('deals', String(row['deal_id']));
    return deal !== undefined && reaches(rows, standing, permission, deal['owner_id']);
  }
  const [resource, action] = permission;
  return (standing.access[resource]?.[action] ?? 'none') !== 'none';
}
