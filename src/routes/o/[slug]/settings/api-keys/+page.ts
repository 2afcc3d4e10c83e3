import { keyWords } from '#lib/shared/api-key-words.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent }) => {
  const { locale } = await parent();
  return { say: await keyWords(locale) };
};
