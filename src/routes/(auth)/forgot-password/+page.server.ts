import { getApp } from '#server/app.ts';
import { refused } from '#server/auth/forms.ts';
import { askForReset } from '#server/auth/reset-password.ts';
import { hasPost } from '#server/mail.ts';
import type { Actions, PageServerLoad } from './$types';

export const load: PageServerLoad = ({ url }) => ({
  hasPost: hasPost(getApp()),
  email: url.searchParams.get('email') ?? '',
});

export const actions: Actions = {
  default: async ({ locals, request }) => {
    const form = await request.formData();
    const email = String(form.get('email') ?? '').slice(0, 200);
    try {
      await askForReset(getApp(), { email, ip: locals.ip });
    } catch (error) {
      return refused(error, { email, sentTo: undefined });
    }
    return { email, sentTo: email, problem: undefined };
  },
};
