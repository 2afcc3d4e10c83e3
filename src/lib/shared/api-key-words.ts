import { translator, type Locale, type TranslateOf } from './i18n.ts';
import type { keysEn } from './messages-keys-en.ts';

export type KeyWords = TranslateOf<typeof keysEn>;

/** What the page of API keys says in one language; fetched where it is needed. */
export async function keyWords(locale: Locale): Promise<KeyWords> {
  const messages =
    locale === 'ru'
      ? (await import('./messages-keys-ru.ts')).keysRu
      : (await import('./messages-keys-en.ts')).keysEn;
  return translator<typeof keysEn>(locale, messages);
}
