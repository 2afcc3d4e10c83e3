import type { Row } from './entities.ts';
import { translator, type Locale, type TranslateOf } from './i18n.ts';
import type { inboxEn } from './messages-inbox-en.ts';
import type { Measure } from './totals.ts';

export type InboxWords = TranslateOf<typeof inboxEn>;

/** What the inbox says in one language; fetched where it is needed. */
export async function inboxWords(locale: Locale): Promise<InboxWords> {
  const messages =
    locale === 'ru'
      ? (await import('./messages-inbox-ru.ts')).inboxRu
      : (await import('./messages-inbox-en.ts')).inboxEn;
  return translator<typeof inboxEn>(locale, messages);
}

/** Unread rows by kind; what is told of together counts once. */
export const measureInbox: Measure = (row) => {
  const { state, kind } = row as Row<'notifications'>;
  return state === 'unread' ? { group: kind, figures: [1] } : undefined;
};

/** What matters now: it is said aloud once, wherever one is. */
export const urgentKinds: readonly string[] = ['mentioned', 'assigned', 'alert'];

export const inboxTabs = ['all', 'mentions', 'assigned', 'alerts'] as const;
export type InboxTab = (typeof inboxTabs)[number];

export function isInTab(tab: InboxTab, kind: string): boolean {
  if (tab === 'mentions') return kind === 'mentioned';
  if (tab === 'assigned') return kind === 'assigned';
  return tab === 'all' || kind === 'alert' || kind === 'overdue';
}
