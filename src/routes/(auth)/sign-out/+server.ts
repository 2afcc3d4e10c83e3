import type { RequestHandler } from '@sveltejs/kit';
import { getApp } from '#server/app.ts';
import { blankCookie, endSession } from '#server/auth/sessions.ts';

/** Ends the session, and has the browser let go of what it holds: unsent changes would be read by the next person. */
export const POST: RequestHandler = async ({ cookies, locals }) => {
  const app = getApp();
  const { userId, sessionHash } = locals.identity ?? {};
  if (userId && sessionHash) await endSession(app, { userId, sessionHash });
  cookies.delete(blankCookie(app).name, { path: '/' });
  return new Response(null, {
    status: 303,
    headers: { location: '/sign-in', 'clear-site-data': '"storage"' },
  });
};
