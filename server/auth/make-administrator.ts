import { sql } from 'kysely';
import { newId } from '#lib/shared/ids.ts';
import { commit } from '../live/commit.ts';
import type { Tx } from '../live/transaction.ts';
import { createOrganization } from '../organizations.ts';
import { slugOf } from '../slugs.ts';
import { setPassword } from './change-password.ts';
import { endSignIns } from './sessions.ts';
import { normalEmail } from './sign-in.ts';
import { addUser, prepareUser, type AccountParts } from './sign-up.ts';

interface Wanted {
  email: string;
  name: string;
  /** Name or address. */
  organization: string;
  locale: 'en' | 'ru';
  /** Has to be changed at the first sign-in. */
  password: string;
}

/** The person at an address as administrator of an organization; makes what is missing of both. */
export async function makeAdministrator(
  parts: AccountParts,
  { email, name, organization, locale, password }: Wanted,
): Promise<{ slug: string; name: string; role: string }> {
  const address = normalEmail(email);
  const known = await parts.db
    .selectFrom('platform.users')
    .select(['id', 'name'])
    .where(sql`lower(email)`, '=', address)
    .executeTakeFirst();
  const user = await prepareUser({ email: address, name, password, locale });
  const person = { userId: known?.id ?? user.id, name: known?.name ?? name, email: address };
  const found = await findOrganization(parts, organization);
  const [organizationId, memberId] = [found ?? newId(), newId()];
  const { data } = await commit(parts.live, { organizationId, actor: memberId }, async (tx) => {
    if (!known) await addUser(tx, user);
    if (found) return join(tx, { ...person, organizationId, memberId });
    const owner = { ...person, memberId };
    const made = await createOrganization(tx, {
      organizationId,
      name: organization,
      locale,
      owner,
    });
    return { ...made, role: 'owner' };
  });
  await setPassword(parts, { userId: person.userId, password, isOneTime: true });
  await endSignIns(parts, person);
  return data;
}

async function findOrganization(
  { db }: AccountParts,
  organization: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from (select platform.organization_by_slug(a) as id
      from unnest(${[organization, slugOf(organization)]}::text[]) a) x
    where id is not null limit 1`.execute(db);
  return rows[0]?.id;
}

async function join(
  tx: Tx,
  {
    organizationId,
    memberId,
    ...person
  }: { organizationId: string; memberId: string; userId: string; name: string; email: string },
): Promise<{ slug: string; name: string; role: string }> {
  const role = await tx
    .selectFrom('roles')
    .select('id')
    .where('organizationId', '=', organizationId)
    .where('slug', '=', 'admin')
    .executeTakeFirstOrThrow();
  const values = { ...person, organizationId, id: memberId, roleId: role.id };
  await tx
    .insertInto('members')
    .values(values)
    .onConflict((conflict) =>
      conflict.columns(['organizationId', 'userId']).doUpdateSet({
        isActive: true,
        roleId: sql`case when exists (
          select from crm.roles r where r.organization_id = members.organization_id
            and r.id = members.role_id and r.slug = 'owner') then members.role_id
          else excluded.role_id end`,
      }),
    )
    .execute();
  return tx
    .selectFrom('members as m')
    .innerJoin('organizations as o', 'o.id', 'm.organizationId')
    .innerJoin('roles as r', (on) =>
      on.onRef('r.organizationId', '=', 'm.organizationId').onRef('r.id', '=', 'm.roleId'),
    )
    .select(['o.slug', 'o.name', 'r.slug as role'])
    .where('m.organizationId', '=', organizationId)
    .where('m.userId', '=', person.userId)
    .executeTakeFirstOrThrow();
}
