import { redirect } from '@sveltejs/kit';
import { lastOrganization } from '#server/auth/last-organization.ts';
import type { PageServerLoad } from './$types';

/** To the organization looked at last, else to the first. */
export const load: PageServerLoad = ({ cookies, locals }) => {
  if (!locals.person) redirect(303, '/sign-in');
  const { memberships } = locals.person;
  const last = memberships.find(({ slug }) => slug === cookies.get(lastOrganization));
  const { slug } = last ?? memberships[0] ?? {};
  redirect(303, slug ? `/o/${slug}/deals` : '/sign-up?organization=new');
};
