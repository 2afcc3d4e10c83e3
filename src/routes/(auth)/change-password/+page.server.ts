import { redirect } from '@sveltejs/kit';
import { getApp } from '#server/app.ts';
import { changePassword } from '#server/auth/change-password.ts';
import { refused } from '#server/auth/forms.ts';
import type { Actions, PageServerLoad } from './$types';

export const load: PageServerLoad = ({ locals }) => {
  if (!locals.person) redirect(303, '/sign-in?next=/change-password');
  const { email, mustChangePassword } = locals.person;
  return { email, mustChangePassword };
};

export const actions: Actions = {
  default: async ({ locals, request }) => {
    const { identity } = locals;
    if (!identity) redirect(303, '/sign-in?next=/change-password');
    const form = await request.formData();
    const [current, next] = ['current', 'next'].map((name) => String(form.get(name) ?? ''));
    try {
      const { userId, sessionHash: keep } = identity;
      const { ip, requestId } = locals;
      const origin = { ip, requestId, userAgent: request.headers.get('user-agent') };
      const passwords = { current: current ?? '', next: next ?? '' };
      await changePassword(getApp(), { userId, keep, ...passwords, origin });
    } catch (error) {
      return refused(error, {});
    }
    redirect(303, '/');
  },
};
