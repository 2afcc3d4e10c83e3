import { translator, type Locale, type TranslateOf } from './i18n.ts';
import type { auditEn } from './messages-audit-en.ts';

export type AuditWords = TranslateOf<typeof auditEn>;

/** What the audit says in one language; fetched where it is needed. */
export async function auditWords(locale: Locale): Promise<AuditWords> {
  const messages =
    locale === 'ru'
      ? (await import('./messages-audit-ru.ts')).auditRu
      : (await import('./messages-audit-en.ts')).auditEn;
  return translator<typeof auditEn>(locale, messages);
}
