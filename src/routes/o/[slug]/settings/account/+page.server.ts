import { getApp } from '#server/app.ts';
import { callAs } from '#server/auth/page-caller.ts';
import { hasPost } from '#server/mail.ts';
import type { PageServerLoad } from './$types';

export const load: PageServerLoad = async (event) => {
  const me = await callAs(event).auth.me();
  return {
    sessions: await callAs(event).auth.sessions(),
    isVerified: me.isVerified,
    hasPost: hasPost(getApp()),
  };
};
