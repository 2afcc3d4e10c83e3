import { getApp } from '#server/app.ts';
import { findLink } from '#server/auth/account-links.ts';
import { refused } from '#server/auth/forms.ts';
import { verifyEmail } from '#server/auth/verify-email.ts';
import type { Actions, PageServerLoad } from './$types';

export const load: PageServerLoad = async ({ params: { token } }) => ({
  email: (await findLink(getApp(), { token, purpose: 'verify' }))?.email,
});

// By a button: programs that look through mail follow every link in it.
export const actions: Actions = {
  default: async ({ params: { token } }) => {
    try {
      await verifyEmail(getApp(), token);
    } catch (error) {
      return refused(error, { isVerified: false });
    }
    return { isVerified: true, problem: undefined };
  },
};
