import { callAs } from '#server/auth/page-caller.ts';
import type { PageServerLoad } from './$types';

export const load: PageServerLoad = async (event) => ({
  sessions: await callAs(event).auth.sessions(),
});
