import { z } from 'zod/mini';
import * as field from '#lib/shared/fields.ts';
import { AppError, badInput } from '#lib/shared/errors.ts';
import { can } from '../access.ts';
import { noteOfPerson, originOf } from '../audit/events.ts';
import { hasPost } from '../mail.ts';
import type { RestRequest } from '../rest/route.ts';
import { open, router, signedIn, type Context } from '../trpc.ts';
import { changePassword } from './change-password.ts';
import { createAccountMember } from './create-account.ts';
import { findPerson, membershipIn, type Person } from './person.ts';
import {
  endFamilyOf,
  endFamily,
  issueTokens,
  refreshAccess,
  rotateTokens,
  type Tokens,
} from './refresh-tokens.ts';
import { endSession, endSignIns, sessionsOf } from './sessions.ts';
import { checkPassword } from './sign-in.ts';
import { signUp } from './sign-up.ts';
import { askToVerify } from './verify-email.ts';

const secret = z.string().check(z.minLength(1), z.maxLength(500));
const email = z.string().check(z.trim(), z.maxLength(200), z.email());
const refreshInput = z.strictObject({
  refresh: z.optional(secret),
  refreshToken: z.optional(secret),
});

const passwordRoute = {
  summary: 'Change your password',
  status: 200,
  input: ({ body }: RestRequest) => ({
    current: body['current'] ?? body['currentPassword'] ?? body['oldPassword'],
    next: body['next'] ?? body['newPassword'],
  }),
  output: () => ({ message: 'Password changed' }),
};

export const auth = router({
  /** Sign-in of a program; the e-mail address is the username too. */
  login: open
    .meta({
      permission: 'public',
      rest: [
        {
          method: 'POST',
          path: '/token',
          summary: 'Sign in for tokens',
          status: 200,
          output: ({ tokens }: SignedIn) => tokens,
        },
        {
          method: 'POST',
          path: '/auth/login',
          summary: 'Sign in for tokens',
          status: 200,
          output: (answer: SignedIn) => answer,
        },
      ],
    })
    .input(
      z.strictObject({
        email: z.optional(z.string().check(z.maxLength(200))),
        username: z.optional(z.string().check(z.maxLength(200))),
        password: secret,
        /** Slug or id of the organization that the tokens are for; the first joined when left out. */
        organization: z.optional(z.string().check(z.maxLength(100))),
      }),
    )
    .mutation(async ({ ctx: { app, ip, userAgent, requestId }, input }): Promise<SignedIn> => {
      const origin = { ip, userAgent, requestId };
      const name = input.email ?? input.username;
      if (!name) throw badInput('email', 'required');
      const person = await checkPassword(app, {
        email: name,
        password: input.password,
        ...origin,
      });
      if (person.mustChangePassword) {
        throw new AppError('FORBIDDEN', { reason: 'changePasswordFirst' });
      }
      const membership = input.organization
        ? membershipIn(person, input.organization)
        : person.memberships[0];
      if (input.organization && !membership) {
        throw new AppError('NOT_FOUND', { reason: 'noOrganization' });
      }
      const organizationId = membership?.organizationId ?? null;
      const { access, refresh } = await issueTokens(app, { userId: person.userId, organizationId });
      await noteOfPerson(app, person.userId, {
        kind: 'signedIn',
        ...origin,
        about: { by: 'token' },
      });
      return { user: described(person, organizationId), tokens: { access, refresh } };
    }),

  refresh: open
    .meta({
      permission: 'public',
      rest: [
        {
          method: 'POST',
          path: '/auth/refresh',
          summary: 'Replace a refresh token',
          status: 200,
          output: (tokens: Tokens) => tokens,
        },
      ],
    })
    .input(refreshInput)
    .mutation(({ ctx, input }) => rotateTokens(ctx.app, given(input))),

  refreshAccess: open
    .meta({
      permission: 'public',
      rest: [
        {
          method: 'POST',
          path: '/token/refresh',
          summary: 'A new access token; the refresh token stays',
          status: 200,
          output: (answer: { access: string }) => answer,
        },
      ],
    })
    .input(refreshInput)
    .mutation(({ ctx, input }) => refreshAccess(ctx.app, given(input))),

  logout: open
    .meta({
      permission: 'public',
      rest: [
        {
          method: 'POST',
          path: '/auth/logout',
          summary: 'End this sign-in, or that of a refresh token',
          status: 200,
          output: () => ({ message: 'Signed out' }),
        },
      ],
    })
    .input(z.optional(refreshInput))
    .mutation(async ({ ctx: { app, identity, ...origin }, input = {} }) => {
      const token = input.refresh ?? input.refreshToken;
      if (token) await endFamilyOf(app.db, token);
      const { via, userId, sessionHash } = identity ?? {};
      if (via === 'token' && sessionHash) await endFamily(app.db, sessionHash);
      if (via === 'session' && userId && sessionHash)
        await endSession(app, { userId, sessionHash });
      const { ip, userAgent, requestId } = origin;
      if (userId) await noteOfPerson(app, userId, { kind: 'signedOut', ip, userAgent, requestId });
      return { ended: true };
    }),

  changePassword: signedIn
    .meta({
      permission: 'signedIn',
      rest: [
        { method: 'POST', path: '/auth/change-password', ...passwordRoute },
        { method: 'PUT', path: '/auth/me/password', ...passwordRoute },
      ],
    })
    .input(z.strictObject({ current: secret, next: secret }))
    .mutation(async ({ ctx: { app, identity, ...origin }, input }) => {
      const { userId, sessionHash: keep } = identity;
      await changePassword(app, { userId, keep, ...input, origin });
      return { changed: true };
    }),

  me: signedIn
    .meta({
      permission: 'signedIn',
      rest: ['/auth/me', '/users/me'].map((path) => ({ method: 'GET', path, summary: 'You' })),
    })
    .query(async ({ ctx }) => {
      const { userId, organizationId } = ctx.identity;
      const person = await findPerson(ctx.app, userId);
      if (!person) throw new AppError('UNAUTHENTICATED', { reason: 'signInFirst' });
      return described(person, organizationId ?? ctx.member?.organizationId ?? null);
    }),

  /** Sends the link that proves the e-mail address. */
  askToVerify: signedIn.mutation(async ({ ctx: { app, identity } }) => {
    await askToVerify(app, identity.userId);
    return { sent: hasPost(app) };
  }),

  sessions: signedIn.query(({ ctx: { app, identity } }) => sessionsOf(app, identity)),

  /** One of your own sessions, or every sign-in but this one. */
  endSessions: signedIn
    .input(z.strictObject({ id: z.optional(z.string().check(z.regex(/^[0-9a-f]{16}$/))) }))
    .mutation(async ({ ctx: { app, identity, ...origin }, input }) => {
      const { userId, sessionHash } = identity;
      if (input.id) await endSession(app, { userId, sessionHash: input.id });
      else await endSignIns(app, { userId, except: sessionHash });
      const about = { which: input.id ? 'one' : 'others' };
      await noteOfPerson(app, userId, { kind: 'sessionsEnded', ...originOf(origin), about });
      return { ended: true };
    }),

  /** Sign-up for a stranger; for somebody who manages members, a member with an account. */
  register: open
    .meta({
      permission: 'public',
      rest: [
        { method: 'POST', path: '/users', summary: 'Sign up, or add a member with an account' },
      ],
    })
    .input(
      z.strictObject({
        email: z.optional(email),
        username: z.optional(email),
        password: secret,
        name: z.optional(field.name()),
        fullName: z.optional(field.name()),
        firstName: z.optional(field.name()),
        lastName: z.optional(field.name()),
        /** The name of the new organization, at sign-up. */
        organization: z.optional(field.name()),
        locale: z._default(z.enum(['en', 'ru']), 'en'),
        /** The slug of the new member's role. */
        role: z.optional(z.string().check(z.maxLength(100))),
      }),
    )
    .mutation(async ({ ctx, input }) => {
      const address = input.email ?? input.username;
      if (!address) throw badInput('email', 'required');
      const parts = [input.firstName, input.lastName].filter(Boolean).join(' ');
      const name = input.name ?? input.fullName ?? (parts || address.split('@', 1)[0] || address);
      const account = { email: address, name, password: input.password, locale: input.locale };
      if (ctx.identity) return addByAdministrator(ctx, { ...account, role: input.role ?? 'sales' });
      const organization = { name: input.organization ?? name };
      const made = await signUp(ctx.app, { ...account, organization, ip: ctx.ip });
      return { id: made.userId, email: address, name, organizationId: made.organizationId };
    }),
});

interface SignedIn {
  user: ReturnType<typeof described>;
  tokens: Tokens;
}

async function addByAdministrator(
  ctx: Context,
  account: Parameters<typeof createAccountMember>[1],
): Promise<{ id: string; email: string; name: string; organizationId: string }> {
  if (!ctx.member || !can(ctx.member, 'members.manage')) {
    throw new AppError('FORBIDDEN', {
      reason: 'noPermission',
      params: { permission: 'members.manage' },
    });
  }
  const { data } = await createAccountMember({ ...ctx, member: ctx.member }, account);
  return { ...data, organizationId: ctx.member.organizationId };
}

function given({ refresh, refreshToken }: z.infer<typeof refreshInput>): string {
  const token = refresh ?? refreshToken;
  if (!token) throw badInput('refresh', 'required');
  return token;
}

function described(person: Person, organizationId: string | null) {
  const { userId, name, email: address, memberships, mustChangePassword, isVerified } = person;
  const membership = memberships.find((one) => one.organizationId === organizationId);
  return {
    id: userId,
    email: address,
    username: address,
    name,
    memberId: membership?.memberId ?? null,
    role: membership?.roleSlug ?? null,
    organization: membership
      ? { id: membership.organizationId, name: membership.organizationName, slug: membership.slug }
      : null,
    mustChangePassword,
    isVerified,
  };
}
