import { daysBetween } from '#lib/shared/dates.ts';
import type { MessageKey } from '#lib/shared/i18n.ts';
import type { Words } from './words.svelte.ts';

export const activityKinds = ['call', 'meeting', 'email', 'task'] as const;

interface Next {
  nextActivityId: string | null;
  nextActivityKind: string | null;
  nextActivityTitle: string | null;
  nextActivityAt: number | null;
}

/** The sign and the words of a record's next step: overdue, today, planned or none. */
export function nextActivity(deal: Next, words: Words): { sign: string; text: string } {
  const { t } = words;
  if (!deal.nextActivityId) return { sign: 'none', text: t('activity.none') };
  const title = deal.nextActivityTitle || kindName(deal.nextActivityKind, words);
  if (deal.nextActivityAt === null) return { sign: 'plan', text: title };
  const at = new Date(deal.nextActivityAt);
  const day = words.dayOf(at);
  const days = daysBetween(words.today, day);
  if (days < 0) return { sign: 'late', text: t('activity.overdue', { title, count: -days }) };
  if (days > 0)
    return { sign: 'plan', text: t('activity.on', { title, date: words.shortDay(day) }) };
  const time = words.clock(at);
  const text =
    time === '00:00' ? t('activity.today', { title }) : t('activity.todayAt', { title, time });
  return { sign: 'today', text };
}

export function kindName(kind: string | null, words: Words): string {
  const key = `activity.${kind ?? 'task'}` as MessageKey;
  const names: MessageKey[] = [
    'activity.call',
    'activity.meeting',
    'activity.email',
    'activity.task',
    'activity.note',
    'activity.message',
  ];
  return names.includes(key) ? words.t(key as 'activity.call') : (kind ?? '');
}
