import { z } from 'zod/mini';
import { AppError, badInput } from '#lib/shared/errors.ts';
import type { Identity } from '../auth/identify.ts';
import { router, signedIn } from '../trpc.ts';
import { isPushEndpoint } from './push-address.ts';
import { pushKey } from './push-key.ts';
import { dropBrowser, isKept, keepBrowser } from './push-subscriptions.ts';

const endpoint = z.string().check(z.maxLength(2_000));
const bytes = (count: number) =>
  z.string().check(
    z.maxLength(200),
    z.refine((text) => Buffer.from(text, 'base64url').length === count, 'invalid'),
  );

/** What a browser needs to be pushed to; it belongs to the person and ends with the sign-in. */
export const push = router({
  pushState: signedIn
    .input(z.strictObject({ endpoint: z.optional(endpoint) }))
    .query(async ({ ctx: { app, identity }, input }) => {
      const { userId, sessionHash } = identity;
      const isOn =
        input.endpoint !== undefined &&
        sessionHash !== undefined &&
        (await isKept(app, { userId, sessionHash }, input.endpoint));
      return { isOn, publicKey: pushKey(app.config).publicKey };
    }),

  startPush: signedIn
    .input(z.strictObject({ endpoint, p256dh: bytes(65), auth: bytes(16) }))
    .mutation(async ({ ctx: { app, identity }, input }) => {
      if (!isPushEndpoint(input.endpoint, app.config)) throw badInput('endpoint', 'invalid');
      await keepBrowser(app, signInOf(identity), input);
      return { isOn: true };
    }),

  stopPush: signedIn
    .input(z.strictObject({ endpoint }))
    .mutation(async ({ ctx: { app, identity }, input }) => {
      await dropBrowser(app, identity.userId, input.endpoint);
      return { isOn: false };
    }),
});

/** A program that has a token shows nothing to anybody. */
function signInOf({ userId, sessionHash, via }: Identity): { userId: string; sessionHash: string } {
  if (via !== 'session' || !sessionHash) throw new AppError('FORBIDDEN');
  return { userId, sessionHash };
}
