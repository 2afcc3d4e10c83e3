import type { Locale, Messages } from './i18n.ts';

/** The texts of one language: a browser fetches no other. */
export async function messagesOf(locale: Locale): Promise<Messages> {
  return locale === 'ru'
    ? (await import('./messages-ru.ts')).ru
    : (await import('./messages-en.ts')).en;
}
