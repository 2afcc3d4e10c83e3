import { error, redirect } from '@sveltejs/kit';
import { getApp } from '#server/app.ts';
import { lastOrganization } from '#server/auth/last-organization.ts';
import { read } from '#server/live/transaction.ts';
import type { LayoutServerLoad } from './$types';

/** Whom the organization's pages are for: what is not one's own does not exist. */
export const load: LayoutServerLoad = async ({ cookies, locals, params, url }) => {
  const { person } = locals;
  if (!person) redirect(303, `/sign-in?next=${encodeURIComponent(url.pathname + url.search)}`);
  const member = person.memberships.find(({ slug }) => slug === params.slug);
  if (!member) error(404, 'NOT_FOUND');
  const { config, pool } = getApp();
  const { organizationId, memberId, teamId, name, roleSlug, access } = member;
  const organization = await read(pool, { organizationId, actor: memberId }, (tx) =>
    tx
      .selectFrom('organizations')
      .select(['id', 'name', 'slug', 'currency', 'timeZone', 'locale'])
      .where('organizationId', '=', organizationId)
      .executeTakeFirstOrThrow(),
  );
  if (cookies.get(lastOrganization) !== params.slug) {
    const secure = config.publicUrl?.startsWith('https:') ?? false;
    const maxAge = 365 * 24 * 3600;
    cookies.set(lastOrganization, params.slug, { path: '/', sameSite: 'lax', secure, maxAge });
  }
  return {
    organization,
    me: { memberId, teamId, name, email: person.email, roleSlug, access },
    organizations: person.memberships
      .map(({ organizationName, slug }) => ({ name: organizationName, slug }))
      .sort((a, b) => a.name.localeCompare(b.name)),
    keptDays: config.keepImagesDays,
  };
};
