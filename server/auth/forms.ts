import type { Cookies } from '@sveltejs/kit';
import { fail } from '@sveltejs/kit';
import { errorStatus, type ErrorDetails, type ErrorCode } from '#lib/shared/errors.ts';
import type { App as Server } from '../app.ts';
import { noteOfPerson } from '../audit/events.ts';
import { toAppError } from '../errors.ts';
import { deviceCookie, deviceOf } from './sign-in.ts';
import { startSession } from './sessions.ts';

/** What a form shows when it comes back. */
export interface FormProblem {
  code: ErrorCode;
  details: ErrorDetails;
}

/** The answer of a form that was refused, with what was typed; a bug is thrown on. */
export function refused<T extends object>(error: unknown, typed: T) {
  const known = toAppError(error);
  if (!known || known.code === 'INTERNAL') throw error;
  const problem: FormProblem = { code: known.code, details: known.details };
  return fail(errorStatus[known.code], { ...typed, problem });
}

const year = 365 * 24 * 3600;

/** Signs a browser in: a new session, and the mark by which the browser is known later. */
export async function signInBrowser(
  app: Server,
  { cookies, request, locals }: { cookies: Cookies; request: Request; locals: App.Locals },
  { userId, email, isKept = true }: { userId: string; email: string; isKept?: boolean },
): Promise<void> {
  const userAgent = request.headers.get('user-agent');
  const { name, value, attributes } = await startSession(app, { userId, userAgent, ip: locals.ip });
  const { ip, requestId } = locals;
  await noteOfPerson(app, userId, { kind: 'signedIn', ip, userAgent, requestId });
  const { secure = false, maxAge } = attributes;
  const common = { path: '/', httpOnly: true, sameSite: 'lax', secure } as const;
  cookies.set(name, value, { ...common, ...(isKept && maxAge ? { maxAge } : {}) });
  cookies.set(deviceCookie, deviceOf(app.config.secretKeys, email), { ...common, maxAge: year });
  const user = await app.db
    .selectFrom('platform.users')
    .select(['locale', 'theme'])
    .where('id', '=', userId)
    .executeTakeFirst();
  if (!user) return;
  for (const choice of ['locale', 'theme'] as const) {
    if (!cookies.get(choice)) cookies.set(choice, user[choice], { ...common, maxAge: year });
  }
}

/** A path of our own to go to after a form; anything else is the start page. */
export function ownPath(next: unknown): string {
  const path = typeof next === 'string' ? next : '';
  return /^\/(?![/\\])[^\\\s]*$/.test(path) ? path : '/';
}
