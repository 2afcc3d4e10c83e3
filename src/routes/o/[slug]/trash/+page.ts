import { historyWords } from '#lib/shared/history.ts';
import type { PageLoad } from './$types';

/** These words are fetched with the page, not with the first one. */
export const load: PageLoad = async ({ parent }) => ({
  say: await historyWords((await parent()).locale),
});
