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

/** Unread rows by record and kind: one counts records, as they stand in the inbox. */
export const measureInbox: Measure = (row) => {
  const { state, kind, recordId } = row as Row<'notifications'>;
  return state === 'unread' ? { group: `${recordId}/${kind}`, figures: [1] } : undefined;
};

export interface Unread {
  records: number;
  /** What matters now, each by itself. */
  urgent: number;
}

export function unreadOf(groups: Iterable<readonly [string, readonly number[]]>): Unread {
  const records = new Set<string>();
  let urgent = 0;
  for (const [group, [count = 0]] of groups) {
    const [recordId = '', kind = ''] = group.split('/');
    records.add(recordId);
    if (urgentKinds.includes(kind)) urgent += count;
  }
  return { records: records.size, urgent };
}

/** What matters now: it is said aloud once, wherever one is. */
export const urgentKinds: readonly string[] = ['mentioned', 'assigned', 'alert', 'syncFailure'];

/** What nobody did: it is so. */
const kindsOfNobody = ['due', 'overdue', 'alert', 'refused', 'syncFailure'];
export const isOfNobody = (kind: string): boolean => kindsOfNobody.includes(kind);

export const inboxTabs = ['all', 'mentions', 'assigned', 'alerts'] as const;
export type InboxTab = (typeof inboxTabs)[number];

export function isInTab(tab: InboxTab, kind: string): boolean {
  if (tab === 'mentions') return kind === 'mentioned';
  if (tab === 'assigned') return kind === 'assigned';
  return tab === 'all' || ['alert', 'overdue', 'refused', 'syncFailure'].includes(kind);
}
