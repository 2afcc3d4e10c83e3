import type { RequestHandler } from '@sveltejs/kit';
import { getApp } from '#server/app.ts';
import { noteOfPerson } from '#server/audit/events.ts';
import { blankCookie, endSession } from '#server/auth/sessions.ts';

/** Ends the session, and has the browser let go of what it holds: unsent changes would be read by the next person. */
export const POST: RequestHandler = async ({ cookies, locals, request }) => {
  const app = getApp();
  const { userId, sessionHash } = locals.identity ?? {};
  if (userId && sessionHash) {
    await endSession(app, { userId, sessionHash });
    const { ip, requestId } = locals;
    const userAgent = request.headers.get('user-agent');
    await noteOfPerson(app, userId, { kind: 'signedOut', ip, userAgent, requestId });
  }
  cookies.delete(blankCookie(app).name, { path: '/' });
  return new Response(null, {
    status: 303,
    headers: { location: '/sign-in', 'clear-site-data': '"storage"' },
  });
};
