import { sql } from 'kysely';
import { z } from 'zod/mini';
import * as field from '#lib/shared/fields.ts';
import { newId } from '#lib/shared/ids.ts';
import { AppError, notFound } from '#lib/shared/errors.ts';
import { builtInRoles } from './access.ts';
import { derivedId } from './auth/secrets.ts';
import { findPerson } from './auth/person.ts';
import { commit } from './live/commit.ts';
import type { Tx } from './live/transaction.ts';
import { addPipeline, addLostReasons, roleNames } from './organization-defaults.ts';
import { slugOf } from './slugs.ts';
import { allowed, change, member, query, router, signedIn } from './trpc.ts';

export interface NewOrganization {
  organizationId: string;
  name: string;
  /** Made from the name when not given. */
  slug?: string;
  locale: 'en' | 'ru';
  currency?: string | undefined;
  timeZone?: string | undefined;
  owner: { memberId: string; userId: string; name: string; email: string };
}

const timeZone = z.string().check(z.refine(isTimeZone, 'timeZone'));
const name = field.name();
const locale = z.enum(['en', 'ru']);

export const organizations = router({
  mine: signedIn
    .meta({
      permission: 'signedIn',
      rest: ['/organizations', '/organizations/my_organizations'].map((path) => ({
        method: 'GET',
        path,
        summary: 'Your organizations',
        output: (list: Mine[]) => ({ data: list, meta: wholePage(list.length) }),
      })),
    })
    .query(async ({ ctx }) => {
      const person = await findPerson(ctx.app, ctx.identity.userId);
      const all = person?.memberships ?? [];
      const { organizationId: only } = ctx.identity;
      return all
        .filter(({ organizationId }) => !only || organizationId === only)
        .map((one): Mine => {
          const { organizationId, organizationName, slug, memberId, roleSlug } = one;
          return { id: organizationId, name: organizationName, slug, memberId, roleSlug };
        })
        .sort((a, b) => a.name.localeCompare(b.name));
    }),

  create: signedIn
    .meta({
      permission: 'signedIn',
      rest: [
        { method: 'POST', path: '/organizations', summary: 'Make an organization of your own' },
      ],
    })
    .input(
      z.strictObject({
        name,
        locale: z._default(locale, 'en'),
        currency: z.optional(field.currency),
        timeZone: z.optional(timeZone),
      }),
    )
    .mutation(async ({ ctx, input }) => {
      const { app, identity, mutationId = newId() } = ctx;
      if (identity.organizationId) throw new AppError('FORBIDDEN', { reason: 'tokenOfOne' });
      const person = await findPerson(app, identity.userId);
      if (!person) throw notFound();
      // A repeated call makes the same ids, so it finds the answer of the first.
      const organizationId = derivedId('organization', person.userId, mutationId);
      const owner = { ...person, memberId: derivedId('member', person.userId, mutationId) };
      const mutation = {
        id: mutationId,
        name: 'organizations.create',
        hash: JSON.stringify(input),
      };
      return commit(app.live, { organizationId, actor: owner.memberId, mutation }, (tx) =>
        createOrganization(tx, { organizationId, ...input, owner }),
      );
    }),

  get: member
    .meta({
      permission: 'member',
      rest: [{ method: 'GET', path: '/organizations/{id}', summary: 'Your organization' }],
    })
    .input(z.strictObject({ id: z.optional(field.id) }))
    .query(({ ctx, input }) =>
      query(ctx, async (tx) => {
        if (input.id && input.id !== ctx.member.organizationId) throw notFound();
        return getOrganization(tx, ctx.member);
      }),
    ),

  update: allowed('organization.manage')
    .input(
      z.strictObject({
        name: z.optional(name),
        locale: z.optional(locale),
        currency: z.optional(field.currency),
        timeZone: z.optional(timeZone),
      }),
    )
    .mutation(({ ctx, input }) =>
      change(ctx, 'organizations.update', input, async (tx) => {
        if (Object.keys(input).length > 0) {
          await tx
            .updateTable('organizations')
            .set(input)
            .where('organizationId', '=', ctx.member.organizationId)
            .execute();
        }
        return getOrganization(tx, ctx.member);
      }),
    ),
});

interface Mine {
  id: string;
  name: string;
  slug: string;
  memberId: string;
  roleSlug: string;
}

export const wholePage = (total: number) => ({ total, page: 1, perPage: total, totalPages: 1 });

/**
 * An organization with its roles, its owner, a pipeline and reasons for losing. The transaction must
 * be that of the new organization.
 */
export async function createOrganization(
  tx: Tx,
  { organizationId, name: title, slug, locale: language, owner, ...more }: NewOrganization,
): Promise<{ id: string; slug: string; name: string; memberId: string }> {
  const isRussian = language === 'ru';
  const { memberId, userId } = owner;
  const address = slug ?? (await freeSlug(tx, title));
  const own = { organizationId, createdBy: memberId };
  await tx
    .insertInto('organizations')
    .values({
      ...own,
      id: organizationId,
      name: title,
      slug: address,
      locale: language,
      currency: more.currency ?? (isRussian ? 'RUB' : 'USD'),
      timeZone: more.timeZone ?? (isRussian ? 'Europe/Moscow' : 'UTC'),
    })
    .execute();
  const roles = builtInRoles.map((role) => ({ ...role, id: newId() }));
  await tx
    .insertInto('roles')
    .values(
      roles.map(({ id, slug: role, access }) => ({
        ...own,
        id,
        slug: role,
        name: roleNames[language][role] ?? role,
        isBuiltIn: true,
        access: JSON.stringify(access),
      })),
    )
    .execute();
  const roleId = roles.find(({ slug: role }) => role === 'owner')?.id ?? '';
  await tx
    .insertInto('members')
    .values({ ...own, id: memberId, userId, name: owner.name, email: owner.email, roleId })
    .execute();
  await addPipeline(tx, own, language);
  await addLostReasons(tx, own, language);
  return { id: organizationId, slug: address, name: title, memberId };
}

/** The plain address of a name, else with a number; waits for others who are making one. */
async function freeSlug(tx: Tx, title: string): Promise<string> {
  const plain = slugOf(title);
  const numbers = Array.from({ length: 50 }, (_, index) => `${plain}-${index + 2}`);
  const wanted = [plain, ...numbers, `${plain}-${newId().slice(-12)}`];
  await sql`select pg_advisory_xact_lock(hashtext('addresses of organizations'))`.execute(tx);
  const { rows } = await sql<{ slug: string }>`
    select slug from unnest(${wanted}::text[]) with ordinality as w(slug, place)
    where platform.organization_by_slug(slug) is null order by place limit 1`.execute(tx);
  return rows[0]?.slug ?? newId();
}

function getOrganization(tx: Tx, { organizationId }: { organizationId: string }) {
  return tx
    .selectFrom('organizations')
    .where('organizationId', '=', organizationId)
    .select(['id', 'name', 'slug', 'currency', 'timeZone', 'locale', 'createdAt', 'rev'])
    .executeTakeFirstOrThrow(notFound);
}

function isTimeZone(zone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}
