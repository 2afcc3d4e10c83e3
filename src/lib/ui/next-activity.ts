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
  const sign = dueSign(at, words);
  if (sign === 'plan')
    return { sign, text: t('activity.on', { title, date: words.shortDay(day) }) };
  const time = words.clock(at);
  if (sign === 'late') {
    const count = daysBetween(day, words.today);
    const text =
      count > 0
        ? t('activity.overdue', { title, count })
        : t('activity.overdueSince', { title, time });
    return { sign, text };
  }
  const text =
    time === wholeDay ? t('activity.today', { title }) : t('activity.todayAt', { title, time });
  return { sign, text };
}

/** What is due at midnight may take its whole day. */
const wholeDay = '00:00';

/** Overdue, of today or of a later day; as `server/notifications/reminders.ts` has it. */
export function dueSign(at: Date, words: Words): 'late' | 'today' | 'plan' {
  const day = words.dayOf(at);
  if (day !== words.today) return day < words.today ? 'late' : 'plan';
  return words.clock(at) !== wholeDay && at.getTime() <= words.now ? 'late' : 'today';
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
