import { inboxWords } from '#lib/shared/inbox.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent, data }) => ({
  ...data,
  say: await inboxWords((await parent()).locale),
});
