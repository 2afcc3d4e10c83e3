import { inboxWords } from '#lib/shared/inbox.ts';
import type { PageLoad } from './$types';

/** The words of the inbox are fetched with it, not with the first page. */
export const load: PageLoad = async ({ parent }) => ({
  say: await inboxWords((await parent()).locale),
});
