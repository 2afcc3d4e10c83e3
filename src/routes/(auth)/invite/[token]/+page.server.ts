import { redirect } from '@sveltejs/kit';
import { z } from 'zod/mini';
import * as field from '#lib/shared/fields.ts';
import { getApp } from '#server/app.ts';
import {
  acceptInvitation,
  findInvitation,
  signUpByInvitation,
} from '#server/auth/accept-invitation.ts';
import { refused, signInBrowser } from '#server/auth/forms.ts';
import type { Actions, PageServerLoad } from './$types';

const account = z.object({
  name: field.name(),
  email: z.string().check(z.trim(), z.maxLength(200), z.email()),
  password: z.string().check(z.maxLength(500)),
});

export const load: PageServerLoad = async ({ locals, params, setHeaders }) => {
  setHeaders({ 'x-robots-tag': 'noindex' });
  const found = await findInvitation(getApp(), params.token);
  const person = locals.person;
  const slug = person?.memberships.find((one) => one.slug === found?.slug)?.slug;
  if (slug) redirect(303, `/o/${slug}/deals`);
  if (!found) return { person: undefined, invitation: undefined };
  const { organizationName, roleName, memberName, email, state } = found;
  return {
    person: person && { email: person.email },
    invitation: { organizationName, roleName, memberName, email, state },
  };
};

export const actions: Actions = {
  join: async ({ locals, params }) => {
    const { person } = locals;
    if (!person) redirect(303, `/sign-in?next=/invite/${params.token}`);
    let slug: string;
    try {
      ({ slug } = await acceptInvitation(getApp(), { token: params.token, person }));
    } catch (error) {
      const typed: Record<string, string> = {};
      return refused(error, { typed });
    }
    redirect(303, `/o/${slug}/deals`);
  },

  signUp: async (event) => {
    const { locals, params, request } = event;
    const app = getApp();
    const typed = Object.fromEntries(await request.formData());
    const { password: _, ...kept } = typed;
    let slug: string;
    try {
      const { token } = params;
      const { ip, locale } = locals;
      const given = account.parse(typed);
      const joined = await signUpByInvitation(app, { ...given, token, ip, locale });
      await signInBrowser(app, event, { userId: joined.userId, email: given.email });
      ({ slug } = joined);
    } catch (error) {
      return refused(error, { typed: kept as Record<string, string> });
    }
    redirect(303, `/o/${slug}/deals`);
  },
};
