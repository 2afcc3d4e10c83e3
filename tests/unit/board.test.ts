import { expect, test } from 'vitest';
import { en } from '#lib/shared/messages-en.ts';
import { ru } from '#lib/shared/messages-ru.ts';
import { faultText } from '#lib/ui/fault.ts';
import { translator } from '#lib/shared/i18n.ts';
import { hueOf, initialsOf, shortNameOf } from '#lib/ui/person.ts';
import { filterOf, isEmptyFilter, withFilter } from '#lib/shared/board-address.ts';
import { nextActivity } from '#lib/ui/next-activity.ts';

const russian = {
  t: translator('ru', ru),
  today: '2026-11-20',
  now: Date.parse('2026-11-20T12:00Z'),
  dayOf: (at: Date) => at.toISOString().slice(0, 10),
  clock: (at: Date) => at.toISOString().slice(11, 16),
  shortDay: (day: string) => day,
} as Parameters<typeof nextActivity>[1];

const next = (fields: Partial<Parameters<typeof nextActivity>[0]>) =>
  nextActivity(
    {
      nextActivityId: 'a',
      nextActivityKind: 'call',
      nextActivityTitle: '',
      nextActivityAt: null,
      ...fields,
    },
    russian,
  );

test('a filter survives the address and leaves the rest of it alone', () => {
  const url = new URL('https://x.test/o/demo/deals?pipeline=p&deal=d&tag=old');
  const filter = { q: 'кофе & чай', owner: 'me', closing: 'week', noActivity: true } as const;
  const next = withFilter(url, filter);
  expect(filterOf(next.searchParams)).toMatchObject(filter);
  expect(next.searchParams.get('tag')).toBeNull();
  expect(next.searchParams.get('pipeline')).toBe('p');
  expect(next.searchParams.get('deal')).toBe('d');
});

test('what an address should not say is no filter', () => {
  const filter = filterOf(new URLSearchParams('closing=someday&priority=extreme&q='));
  expect(isEmptyFilter(filter)).toBe(true);
});

test('the next step is told by sign and words: none, planned, today, overdue', () => {
  expect(next({ nextActivityId: null })).toEqual({ sign: 'none', text: 'Нет следующего дела' });
  expect(next({ nextActivityAt: Date.parse('2026-11-24T09:00Z') })).toEqual({
    sign: 'plan',
    text: 'Звонок 2026-11-24',
  });
  expect(next({ nextActivityAt: Date.parse('2026-11-20T16:30Z') })).toEqual({
    sign: 'today',
    text: 'Звонок сегодня, 16:30',
  });
  expect(
    next({ nextActivityTitle: 'Счёт', nextActivityAt: Date.parse('2026-11-14T09:00Z') }),
  ).toEqual({ sign: 'late', text: 'Счёт: просрочено на 6 дн' });
});

test('a step is overdue as soon as its minute has come, one without a time when its day is over', () => {
  const at = (moment: string) => next({ nextActivityAt: Date.parse(moment) });
  expect(at('2026-11-20T12:01Z')).toEqual({ sign: 'today', text: 'Звонок сегодня, 12:01' });
  expect(at('2026-11-20T12:00Z')).toEqual({ sign: 'late', text: 'Звонок: просрочено с 12:00' });
  expect(at('2026-11-20T00:00Z')).toEqual({ sign: 'today', text: 'Звонок сегодня' });
  expect(at('2026-11-19T00:00Z')).toEqual({ sign: 'late', text: 'Звонок: просрочено на 1 дн' });
});

test('a person has one colour and readable initials', () => {
  expect(initialsOf('Анна Ковалёва')).toBe('АК');
  expect(initialsOf('  ')).toBe('?');
  expect(shortNameOf('Jonas van der Weber')).toBe('Jonas W.');
  const hues = Array.from({ length: 200 }, (_, n) => hueOf(`member-${n}`));
  expect(new Set(hues)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8]));
  expect(hueOf('member-7')).toBe(hues[7]);
});

test('a refusal is told by its reason, else by its code', () => {
  const t = translator('en', en);
  expect(faultText(t, { code: 'FORBIDDEN' })).toBe(en['fault.FORBIDDEN']);
  expect(faultText(t, { code: 'CONFLICT', details: { reason: 'neverHeardOf' } })).toBe(
    en['fault.CONFLICT'],
  );
});
