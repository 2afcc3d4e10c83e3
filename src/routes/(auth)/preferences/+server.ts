import { redirect, type RequestHandler } from '@sveltejs/kit';
import { locales, themes } from '#lib/shared/i18n.ts';
import { getApp } from '#server/app.ts';
import { ownPath } from '#server/auth/forms.ts';

/** Keeps the language or the theme of this browser, and of the person who is signed in. */
export const POST: RequestHandler = async ({ cookies, locals, request }) => {
  const { config, db } = getApp();
  const form = await request.formData();
  const locale = locales.find((one) => one === form.get('locale'));
  const theme = themes.find((one) => one === form.get('theme'));
  const chosen = { ...(locale ? { locale } : {}), ...(theme ? { theme } : {}) };
  const secure = config.publicUrl?.startsWith('https:') ?? false;
  const maxAge = 365 * 24 * 3600;
  for (const [name, value] of Object.entries(chosen)) {
    cookies.set(name, value, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge });
  }
  if (locals.person && Object.keys(chosen).length > 0) {
    await db
      .updateTable('platform.users')
      .set(chosen)
      .where('id', '=', locals.person.userId)
      .execute();
  }
  redirect(303, ownPath(form.get('next')));
};
