import { redirect } from '@sveltejs/kit';
import { getApp } from '#server/app.ts';
import { ownPath, refused, signInBrowser } from '#server/auth/forms.ts';
import { checkPassword, deviceCookie } from '#server/auth/sign-in.ts';
import type { Actions, PageServerLoad } from './$types';

export const load: PageServerLoad = ({ locals, url }) => {
  const next = ownPath(url.searchParams.get('next'));
  if (locals.person) redirect(303, next);
  return { next, email: url.searchParams.get('email') ?? '' };
};

export const actions: Actions = {
  default: async (event) => {
    const { cookies, locals, request } = event;
    const form = await request.formData();
    const email = String(form.get('email') ?? '').slice(0, 200);
    const password = String(form.get('password') ?? '').slice(0, 500);
    const next = ownPath(form.get('next'));
    const isKept = form.has('remember');
    const app = getApp();
    try {
      const device = cookies.get(deviceCookie);
      const userAgent = request.headers.get('user-agent');
      const { ip, requestId } = locals;
      const attempt = { email, password, ip, userAgent, requestId, device };
      const person = await checkPassword(app, attempt);
      await signInBrowser(app, event, { ...person, isKept });
    } catch (error) {
      return refused(error, { email, next });
    }
    redirect(303, next);
  },
};
