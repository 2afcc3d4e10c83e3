import { redirect } from '@sveltejs/kit';
import type { Handle, HandleServerError } from '@sveltejs/kit/hooks';
import { errorStatus } from '#lib/shared/errors.ts';
import { localeFrom, themeFrom } from '#lib/shared/i18n.ts';
import { getApp } from '#server/app.ts';
import { identifyPage } from '#server/auth/identify.ts';
import { toAppError } from '#server/errors.ts';

/** Who looks at the page, in which language; and what every page's answer carries. */
export const handle: Handle = async ({ event, resolve }) => {
  const { cookies, locals, request, url } = event;
  const { headers } = request;
  const app = getApp();
  const found = await identifyPage(app, headers.get('cookie') ?? undefined);
  locals.identity = found?.identity;
  locals.person = found?.person;
  locals.requestId = headers.get('x-request-id') ?? '';
  locals.ip = event.getClientAddress();
  locals.theme = themeFrom(cookies.get('theme'));
  locals.locale = localeFrom({
    cookie: cookies.get('locale'),
    acceptLanguage: headers.get('accept-language'),
  });
  if (locals.person?.mustChangePassword && !openToAll.has(url.pathname)) {
    redirect(303, '/change-password');
  }
  const response = await resolve(event, {
    transformPageChunk: ({ html }) =>
      html.replace('%lang%', locals.locale).replace('%theme%', locals.theme),
  });
  for (const [name, value] of Object.entries(pageHeaders)) response.headers.set(name, value);
  if (app.config.publicUrl?.startsWith('https:')) {
    response.headers.set('strict-transport-security', 'max-age=31536000; includeSubDomains');
  }
  if (found?.setCookie) response.headers.append('set-cookie', found.setCookie);
  return response;
};

const openToAll = new Set(['/change-password', '/sign-out', '/preferences']);

// No-referrer would also take the Origin from our own forms, which is what they are told apart by.
const pageHeaders = {
  'cache-control': 'private, no-cache',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** A bug's words stay in the log; the person gets the number that finds them there. */
export const handleError: HandleServerError = ({ kind, error, event }) => {
  const { requestId } = event.locals;
  if (kind !== 'unknown') return { requestId };
  const known = toAppError(error);
  if (known) return { requestId, status: errorStatus[known.code], message: known.code };
  getApp().log.error({ err: error, requestId }, 'a page met a bug');
  return { requestId };
};
