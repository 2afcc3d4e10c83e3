import { auditWords } from '#lib/shared/audit.ts';
import { historyWords } from '#lib/shared/history.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent }) => {
  const { locale } = await parent();
  const [say, tell] = await Promise.all([auditWords(locale), historyWords(locale)]);
  return { say, tell };
};
