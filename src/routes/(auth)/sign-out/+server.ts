import { redirect, type RequestHandler } from '@sveltejs/kit';
import { getApp } from '#server/app.ts';
import { blankCookie, endSession } from '#server/auth/sessions.ts';

export const POST: RequestHandler = async ({ cookies, locals }) => {
  const app = getApp();
  const { userId, sessionHash } = locals.identity ?? {};
  if (userId && sessionHash) await endSession(app, { userId, sessionHash });
  cookies.delete(blankCookie(app).name, { path: '/' });
  redirect(303, '/sign-in');
};
