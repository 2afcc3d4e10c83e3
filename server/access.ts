import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import { AppError } from '#lib/shared/errors.ts';
import { levelOf, type Access, type Level, type Standing } from '#lib/shared/standing.ts';

/**
 * Who may see or change what: the only answer, for SQL and for the socket alike. A role grants a level
 * per resource and action; records belong to an owner and to the owner's team.
 */
export const catalog = {
  directory: ['view'],
  deals: ['view', 'create', 'edit', 'delete'],
  customers: ['view', 'create', 'edit', 'delete'],
  activities: ['view', 'create', 'edit', 'delete'],
  products: ['view', 'create', 'edit', 'delete'],
  pipelines: ['manage'],
  members: ['manage'],
  roles: ['manage'],
  organization: ['manage'],
  apiKeys: ['manage'],
} as const;

export type Resource = keyof typeof catalog;
export type Permission = { [R in Resource]: `${R}.${(typeof catalog)[R][number]}` }[Resource];

/** A person in an organization, with what the role grants at this moment. */
export interface Member extends Standing {
  organizationId: string;
  slug: string;
  userId: string;
  name: string;
  roleId: string;
  roleSlug: string;
}

export const permissions: Permission[] = Object.entries(catalog).flatMap(([resource, actions]) =>
  actions.map((action) => `${resource}.${action}` as Permission),
);

const every = (level: Level): Access =>
  Object.fromEntries(
    Object.entries(catalog).map(([resource, actions]) => [
      resource,
      Object.fromEntries(actions.map((action) => [action, level])),
    ]),
  );

const records = (view: Level, edit: Level, remove: Level): Access => {
  const levels = { view, create: edit === 'none' ? 'none' : 'all', edit, delete: remove } as const;
  return { deals: levels, customers: levels, activities: levels };
};
const reader: Access = { directory: { view: 'all' }, products: { view: 'all' } };

export const builtInRoles: { slug: string; name: string; access: Access }[] = [
  { slug: 'owner', name: 'Owner', access: every('all') },
  { slug: 'admin', name: 'Administrator', access: every('all') },
  {
    slug: 'manager',
    name: 'Manager',
    access: {
      ...reader,
      ...records('all', 'all', 'team'),
      products: { view: 'all', create: 'all', edit: 'all', delete: 'none' },
      pipelines: { manage: 'all' },
    },
  },
  { slug: 'sales', name: 'Sales', access: { ...reader, ...records('team', 'team', 'own') } },
  { slug: 'viewer', name: 'Viewer', access: { ...reader, ...records('all', 'none', 'none') } },
  { slug: 'customer', name: 'Customer', access: {} },
];

export const can = (member: Pick<Member, 'access'>, permission: Permission): boolean =>
  levelOf(member, permission) !== 'none';

export function requirePermission(member: Member, permission: Permission): void {
  if (!can(member, permission)) {
    throw new AppError('FORBIDDEN', { reason: 'noPermission', params: { permission } });
  }
}

/** What a member has to himself, whatever his role: rows with a `memberId` that nobody else sees. */
export const personal = 'me';

/** Which permission lets a row of an entity be seen, and whether rows of it have an owner and a team. */
export const entityAccess: Record<
  EntityName,
  { view: Permission | typeof personal; owned: boolean }
> = {
  organizations: { view: 'directory.view', owned: false },
  roles: { view: 'directory.view', owned: false },
  teams: { view: 'directory.view', owned: false },
  members: { view: 'directory.view', owned: false },
  invitations: { view: 'members.manage', owned: false },
  apiKeys: { view: 'apiKeys.manage', owned: false },
  exchangeRates: { view: 'directory.view', owned: false },
  pipelines: { view: 'directory.view', owned: false },
  stages: { view: 'directory.view', owned: false },
  lostReasons: { view: 'directory.view', owned: false },
  products: { view: 'products.view', owned: false },
  customers: { view: 'customers.view', owned: true },
  deals: { view: 'deals.view', owned: true },
  dealProducts: { view: 'deals.view', owned: true },
  activities: { view: 'activities.view', owned: true },
  notifications: { view: personal, owned: false },
  follows: { view: personal, owned: false },
  notificationPreferences: { view: personal, owned: false },
  looks: { view: personal, owned: false },
};

export const isPersonal = (entity: EntityName): boolean => entityAccess[entity].view === personal;

/** The keys under which a row can be seen; a person who holds one of them sees it. */
export function rowKeys(entity: EntityName, row: Record<string, unknown>): string[] {
  const { view, owned } = entityAccess[entity];
  if (view === personal)
    return typeof row['memberId'] === 'string' ? [ownKey(row['memberId'])] : [];
  if (!owned) return [`${view}:all`];
  const keys = [`${view}:all`];
  const { teamId, ownerId } = row;
  if (typeof teamId === 'string') keys.push(`${view}:team:${teamId}`);
  if (typeof ownerId === 'string') keys.push(`${view}:own:${ownerId}`);
  return keys;
}

/** Whether a key opens nothing but what is one person's own. */
export const isOwnKey = (key: string): boolean => key.startsWith(`${personal}:`);

const ownKey = (memberId: string): string => `${personal}:${memberId}`;

/** The keys that a member holds. */
export function memberKeys(member: Standing): string[] {
  const views = new Map(Object.values(entityAccess).map(({ view, owned }) => [view, owned]));
  return [...views].flatMap(([view, owned]) => {
    if (view === personal) return [ownKey(member.memberId)];
    const level = levelOf(member, view);
    if (level === 'none') return [];
    // What has no owner is seen whole, at whatever level.
    if (level === 'all' || !owned) return [`${view}:all`];
    const own = `${view}:own:${member.memberId}`;
    return level === 'team' && member.teamId ? [`${view}:team:${member.teamId}`, own] : [own];
  });
}

/** `where(reachSql(member, 'deals.edit'))`: the rows of an owned table that a permission reaches. */
export function reachSql(member: Standing, permission: Permission): RawBuilder<SqlBool> {
  const level = levelOf(member, permission);
  if (level === 'all') return sql<SqlBool>`true`;
  if (level === 'none') return sql<SqlBool>`false`;
  if (level === 'team' && member.teamId) {
    return sql<SqlBool>`(owner_id = ${member.memberId}::uuid or team_id = ${member.teamId}::uuid)`;
  }
  return sql<SqlBool>`owner_id = ${member.memberId}::uuid`;
}

/** As one whose role reaches all records, where what may be seen has been decided before. */
export const everything = (member: Member): Member => ({ ...member, access: every('all') });

/** Whether a member may see any rows of an entity at all. */
export function maySee(member: Standing, entity: EntityName): boolean {
  const { view } = entityAccess[entity];
  return view === personal || levelOf(member, view) !== 'none';
}

/** `where(seenSql(member, 'deals'))`: the rows of an entity's table that a member may see. */
export function seenSql(member: Standing, entity: EntityName): RawBuilder<SqlBool> {
  const { view, owned } = entityAccess[entity];
  if (view === personal) return sql<SqlBool>`member_id = ${member.memberId}::uuid`;
  if (owned) return reachSql(member, view);
  return levelOf(member, view) === 'none' ? sql<SqlBool>`false` : sql<SqlBool>`true`;
}
