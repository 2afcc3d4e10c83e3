import { redirect } from '@sveltejs/kit';
import { getApp } from '#server/app.ts';
import { findLink } from '#server/auth/account-links.ts';
import { refused } from '#server/auth/forms.ts';
import { resetPassword } from '#server/auth/reset-password.ts';
import type { Actions, PageServerLoad } from './$types';

export const load: PageServerLoad = async ({ params: { token } }) => ({
  email: (await findLink(getApp(), { token, purpose: 'reset' }))?.email,
});

export const actions: Actions = {
  default: async ({ locals, params: { token }, request }) => {
    const form = await request.formData();
    const password = String(form.get('password') ?? '').slice(0, 500);
    let email: string;
    try {
      const { ip, requestId } = locals;
      const origin = { ip, requestId, userAgent: request.headers.get('user-agent') };
      ({ email } = await resetPassword(getApp(), { token, password, origin }));
    } catch (error) {
      return refused(error, {});
    }
    redirect(303, `/sign-in?${new URLSearchParams({ email }).toString()}`);
  },
};
