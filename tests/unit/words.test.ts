import { expect, test } from 'vitest';
import { addDays, dayIn, daysBetween, fullDay, instantOf, shortDay } from '#lib/shared/dates.ts';
import { localeFrom, translator } from '#lib/shared/i18n.ts';
import { en } from '#lib/shared/messages-en.ts';
import { ru } from '#lib/shared/messages-ru.ts';
import { editableMoney, moneyText, parseMoney, totalIn, weightedValue } from '#lib/shared/money.ts';

const plain = (text: string) => text.replace(/[\u00A0\u202F]/g, ' ');

test('Russian plurals follow the number', () => {
  const t = translator('ru', ru);
  const forms = [0, 1, 2, 5, 11, 21, 22, 112].map((count) => t('count.deals', { count }));
  expect(forms).toEqual([
    '0 сделок',
    '1 сделка',
    '2 сделки',
    '5 сделок',
    '11 сделок',
    '21 сделка',
    '22 сделки',
    '112 сделок',
  ]);
  expect(plain(t('count.deals', { count: 8800 }))).toBe('8 800 сделок');
});

test('every message names the same parameters in both languages', () => {
  const names = (message: unknown) =>
    [...new Set(JSON.stringify(message).match(/\{\w+\}/g) ?? [])].sort();
  for (const key of Object.keys(en) as (keyof typeof en)[])
    expect([key, names(ru[key])]).toEqual([key, names(en[key])]);
});

test('the cookie chooses the language, then the browser, then English', () => {
  expect(localeFrom({ cookie: 'ru', acceptLanguage: 'en' })).toBe('ru');
  expect(localeFrom({ cookie: undefined, acceptLanguage: 'de-DE,ru;q=0.8,en;q=0.5' })).toBe('ru');
  expect(localeFrom({ cookie: 'xx', acceptLanguage: null })).toBe('en');
});

test('money is compact on cards and full in tooltips', () => {
  const text = (value: number, currency: string, locale: 'ru' | 'en', isCompact = false) =>
    plain(moneyText({ value, currency }, { locale, isCompact }));
  expect(text(120_000_000, 'RUB', 'ru', true)).toBe('1,2 млн ₽');
  expect(text(2_150_000_000, 'KZT', 'ru', true)).toBe('21,5 млн ₸');
  expect(text(12_000_000, 'RUB', 'ru', true)).toBe('120 тыс. ₽');
  expect(text(123_456_789, 'RUB', 'ru')).toBe('1 234 567,89 ₽');
  expect(text(123_400, 'RUB', 'ru')).toBe('1 234 ₽');
  expect(text(95_050, 'EUR', 'en', true)).toBe('€950.5');
  expect(text(5_000, 'JPY', 'en')).toBe('¥5,000');
});

test('typed money is read with any usual separators', () => {
  expect(parseMoney('1 200,50', 'RUB')).toBe(120_050);
  expect(parseMoney('1,200.50', 'USD')).toBe(120_050);
  expect(parseMoney('1,200', 'USD')).toBe(120_000);
  expect(parseMoney('1.200.300', 'EUR')).toBe(120_030_000);
  expect(parseMoney('145 000 ₽', 'RUB')).toBe(14_500_000);
  expect(parseMoney('12,5', 'RUB')).toBe(1_250);
  expect(parseMoney('', 'RUB')).toBeNull();
  expect(parseMoney('12,345678', 'RUB')).toBeUndefined();
  expect(parseMoney('many', 'RUB')).toBeUndefined();
  expect(parseMoney('5,5', 'JPY')).toBeUndefined();
  expect(parseMoney(editableMoney({ value: 120_050, currency: 'RUB' }, 'ru'), 'RUB')).toBe(120_050);
});

test('a weighted value is rounded half up', () => {
  expect(weightedValue(150, 25)).toBe(38);
  expect(weightedValue(101, 50)).toBe(51);
  expect(weightedValue(100, 33)).toBe(33);
});

test('what no rate converts is left apart, never guessed', () => {
  const total = totalIn(
    'RUB',
    [
      { value: 100, currency: 'RUB' },
      { value: 200, currency: 'EUR' },
      { value: 300, currency: 'USD' },
    ],
    [{ currency: 'EUR', rate: '92.4' }],
  );
  expect(total).toEqual({
    value: 18_580,
    currency: 'RUB',
    isConverted: true,
    left: [{ value: 300, currency: 'USD' }],
  });
});

test('days are counted in the zone of the organization', () => {
  const lateEvening = new Date('2026-11-20T21:30:00Z');
  expect(dayIn('Europe/Moscow', lateEvening)).toBe('2026-11-21');
  expect(dayIn('Europe/London', lateEvening)).toBe('2026-11-20');
  expect(daysBetween('2026-02-27', '2026-03-01')).toBe(2);
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
});

test('a wall clock time is an instant of its zone, also beside a change of clocks', () => {
  expect(instantOf('2026-11-20', '16:30', 'Europe/Moscow')).toBe(Date.parse('2026-11-20T13:30Z'));
  expect(instantOf('2026-10-25', '04:00', 'Europe/Berlin')).toBe(Date.parse('2026-10-25T03:00Z'));
});

test('a day of this half year is short, another one is full', () => {
  expect(shortDay('2026-12-05', { locale: 'ru', today: '2026-11-20' })).toBe('05 дек');
  expect(shortDay('2026-11-24', { locale: 'ru', today: '2026-11-20' })).toBe('24 ноя');
  expect(shortDay('2027-01-15', { locale: 'ru', today: '2026-11-20' })).toBe('15 янв');
  expect(shortDay('2025-01-15', { locale: 'ru', today: '2026-11-20' })).toBe('15.01.2025');
  expect(fullDay('2027-01-15', 'en')).toBe('15/01/2027');
});
