import { AppError } from '#lib/shared/errors.ts';
import { levelOf, type Access, type Level } from '#lib/shared/standing.ts';
import { permissions, type Member } from '../access.ts';
import type { Tx } from '../live/transaction.ts';

const order: Level[] = ['none', 'own', 'team', 'all'];
const administrators = ['owner', 'admin'];

/** Nobody gives, changes or takes rights beyond their own; owners are made by owners. */
export function requireGrantable(me: Member, role: { slug: string; access: unknown }): void {
  const given = { access: role.access as Access };
  const reaches = permissions.every(
    (permission) =>
      order.indexOf(levelOf(given, permission)) <= order.indexOf(levelOf(me, permission)),
  );
  if (!reaches || (role.slug === 'owner' && me.roleSlug !== 'owner')) {
    throw new AppError('FORBIDDEN', { reason: 'beyondYours' });
  }
}

/** Two who take each other's rights at once come one after the other here. Before the write. */
export async function lockAdministration(tx: Tx, { organizationId }: Member): Promise<void> {
  await tx
    .selectFrom('organizations')
    .select('id')
    .where('organizationId', '=', organizationId)
    .forNoKeyUpdate()
    .execute();
}

/** Somebody who can sign in must be able to administer the organization. After the write. */
export async function assertAdministrator(tx: Tx, { organizationId }: Member): Promise<void> {
  const somebody = await tx
    .selectFrom('members as m')
    .innerJoin('roles as r', (join) =>
      join.onRef('r.organizationId', '=', 'm.organizationId').onRef('r.id', '=', 'm.roleId'),
    )
    .select('m.id')
    .where('m.organizationId', '=', organizationId)
    .where('m.isActive', '=', true)
    .where('m.userId', 'is not', null)
    .where('r.isBuiltIn', '=', true)
    .where('r.slug', 'in', administrators)
    .limit(1)
    .executeTakeFirst();
  if (!somebody) throw new AppError('CONFLICT', { reason: 'lastAdministrator' });
}

export const isAdministration = (slug: string): boolean => administrators.includes(slug);
