import { amount } from '#lib/shared/fields.ts';
import { minorDigits } from '#lib/shared/money.ts';

/** Why a cell cannot be read. */
export class Problem {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

export type DayOrder = 'dmy' | 'mdy';
export type DecimalSign = '.' | ',';

export const isBlank = (text: string): boolean =>
  /^(?:|-|–|—|n\/?a|#n\/a|null|none|\((?:no value|blank)\)|н\/д|нет|не закрыт[ао]?|не указан[ао]?)$/i.test(
    text,
  );

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const russianMonths = 'янв фев мар апр ма[йя] июн июл авг сен окт ноя дек'.split(' ');

/** Of a month's name or its beginning; undefined where it is none. */
function monthOf(name: string): string | undefined {
  const begin = name.slice(0, 3).toLowerCase();
  const at = Math.max(
    months.indexOf(begin),
    russianMonths.findIndex((month) => new RegExp(`^${month}`).test(begin)),
  );
  return at < 0 ? undefined : String(at + 1);
}

/**
 * `YYYY-MM-DD` of 2016-10-20, 20161020, 20.10.2016, 10/20/2016, 20/10/2016, 20-Oct-16, Oct 20, 2016, with or
 * without a time of day.
 */
export function readDay(text: string, order: DayOrder | undefined): string | Problem {
  const iso = /^(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[T ].*)?$/.exec(text);
  if (iso) return makeDay(iso[1], iso[2], iso[3], text);
  const dense = /^((?:19|20)\d\d)(\d\d)(\d\d)$/.exec(text);
  if (dense) return makeDay(dense[1], dense[2], dense[3], text);
  const named =
    /^(?<day>\d{1,2})[-. ](?<month>\p{L}{3,9})[-., ]+(?<year>\d{4}|\d{2})(?:[ ,].*)?$/u.exec(
      text,
    ) ?? /^(?<month>\p{L}{3,9})\.? (?<day>\d{1,2}),? (?<year>\d{4})(?:[ ,].*)?$/u.exec(text);
  const month = named && monthOf(named.groups?.['month'] ?? '');
  if (month) return makeDay(fullYear(named.groups?.['year']), month, named.groups?.['day'], text);
  if (/^[2-6]\d{4}(?:[.,]\d+)?$/.test(text)) {
    return new Problem(
      `“${short(text)}” is not a date; if a spreadsheet counts days so, format its column as dates`,
    );
  }
  return readParts(text, order);
}

function readParts(text: string, order: DayOrder | undefined): string | Problem {
  const parts = /^(\d{1,2})([-./])(\d{1,2})\2(\d{4}|\d{2})(?:[T ,].*)?$/.exec(text);
  if (!parts) return new Problem(`“${short(text)}” is not a date`);
  const [, first = '', sign = '', second = '', year = ''] = parts;
  const found = sign === '.' ? 'dmy' : order;
  if (!found) {
    return new Problem(
      `“${text}” may begin with the day or with the month: say --dates dmy or --dates mdy`,
    );
  }
  const [day, month] = found === 'dmy' ? [first, second] : [second, first];
  return makeDay(fullYear(year), month, day, text);
}

const fullYear = (year = ''): string =>
  year.length === 4 ? year : `${Number(year) < 70 ? '20' : '19'}${year}`;

function makeDay(year = '', month = '', day = '', text: string): string | Problem {
  const made = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  const time = Date.parse(`${made}T00:00:00Z`);
  const isReal = !Number.isNaN(time) && new Date(time).toISOString().startsWith(made);
  return isReal && Number(year) >= 1000
    ? made
    : new Problem(`“${text}” is not a day of the calendar`);
}

/** Which of day and month comes first in dates written with slashes or dashes, where they show it. */
export function findDayOrder(texts: Iterable<string>): DayOrder | undefined {
  let isDayFirst = false;
  let isMonthFirst = false;
  for (const text of texts) {
    const parts = /^(\d{1,2})[-/](\d{1,2})[-/](?:\d{4}|\d{2})\b/.exec(text);
    if (!parts) continue;
    if (Number(parts[1]) > 12) isDayFirst = true;
    if (Number(parts[2]) > 12) isMonthFirst = true;
  }
  if (isDayFirst === isMonthFirst) return undefined;
  return isDayFirst ? 'dmy' : 'mdy';
}

/** The decimal sign of a column of numbers, where one of them shows it. */
export function findDecimalSign(texts: Iterable<string>): DecimalSign | undefined {
  for (const text of texts) {
    const found = shownSign(text.replace(/[^\d.,]/g, ''));
    if (found) return found;
  }
  return undefined;
}

function shownSign(bare: string): DecimalSign | undefined {
  const signs = bare.match(/[.,]/g) ?? [];
  const [first] = signs;
  const last = signs.at(-1) as DecimalSign | undefined;
  if (!first || !last) return undefined;
  if (first !== last) return last;
  if (signs.length > 1) return last === '.' ? ',' : '.';
  const at = bare.indexOf(last);
  const isGroup = bare.length - at - 1 === 3 && at <= 3 && !/^0*$/.test(bare.slice(0, at));
  return isGroup ? undefined : last;
}

/**
 * An exact decimal as `-1234.5` of `1 234,50`, `1,234.50`, `$1,234.5`, `1'234`. `sign` is what the other
 * numbers of the column show; a lone sign before three digits means thousands unless they show otherwise.
 */
export function readDecimal(text: string, sign: DecimalSign | undefined): string | Problem {
  const bare = text
    .replace(/\b[A-Z]{3}\b/g, (code) => (isCurrency(code) ? '' : code))
    .replace(currencySigns, '')
    .replace(/[\s\u00A0\u2000-\u200A\u202F'’]/g, '')
    .replace(/^\((.+)\)$/, '-$1')
    .replace(/^[−–]/, '-');
  const refused = new Problem(`“${short(text)}” is not a number`);
  if (!/^[+-]?(?:\d+[\d.,]*|[.,]\d+)$/.test(bare)) return refused;
  const decimal = shownSign(bare.replace(/[+-]/, '')) ?? sign;
  const [whole = '', ...fractions] = decimal ? bare.split(decimal) : [bare];
  const group = decimal === ',' ? '.' : ',';
  if (fractions.length > 1 || fractions.some((part) => !/^\d*$/.test(part))) return refused;
  const groups = whole.replace(/^[+-]/, '').split(decimal ? group : /[.,]/);
  if (
    groups.length > 1 &&
    !groups.every((part, at) => part.length === 3 || (at === 0 && part.length < 4))
  ) {
    return refused;
  }
  const digits = groups.join('').replace(/^0+(?=\d)/, '') || '0';
  const fraction = (fractions[0] ?? '').replace(/0+$/, '');
  return `${bare.startsWith('-') ? '-' : ''}${digits}${fraction && `.${fraction}`}`;
}

/** Whole minor units of a currency: 105450 of `1 054,50` in roubles. */
export function readMoney(
  text: string,
  { currency, sign }: { currency: string; sign: DecimalSign | undefined },
): number | Problem {
  const named = currencyIn(text);
  if (named && !named.includes(currency)) {
    return new Problem(`“${short(text)}” is not in ${currency}`);
  }
  const decimal = readDecimal(text, sign);
  if (decimal instanceof Problem) return decimal;
  if (decimal.startsWith('-')) return new Problem(`“${short(text)}” is below zero`);
  const [whole = '', fraction = ''] = decimal.split('.');
  const digits = minorDigits(currency);
  if (fraction.length > digits) {
    return new Problem(`“${short(text)}” has more than ${digits} decimals`);
  }
  const value = Number(whole + fraction.padEnd(digits, '0'));
  return amount.safeParse(value).success ? value : new Problem(`“${short(text)}” is too large`);
}

/** A whole percentage of `20`, `20.0`, `20 %`; of 0.2 in a column of fractions. */
export function readPercent(text: string, isFraction: boolean): number | Problem {
  const bare = /^(\d{1,3}(?:[.,]\d+)?)\s*%?$/.exec(text)?.[1]?.replace(',', '.');
  const percent = Number(bare) * (isFraction && !text.endsWith('%') ? 100 : 1);
  const rounded = Math.round(percent * 1e6) / 1e6;
  return bare !== undefined && Number.isInteger(rounded) && rounded <= 100
    ? rounded
    : new Problem(`“${short(text)}” is not a whole percentage`);
}

/** Whether a column of probabilities goes from 0 to 1. */
export function isFractions(texts: string[]): boolean {
  const numbers = texts.filter((text) => text !== '').map((text) => Number(text.replace(',', '.')));
  return numbers.every((one) => one <= 1) && numbers.some((one) => one > 0 && one < 1);
}

const dollars = ['USD', 'AUD', 'CAD', 'NZD', 'SGD', 'HKD', 'MXN'];
const signs: [RegExp, string[]][] = [
  [/\$|dollar|доллар/i, dollars],
  [/€|euro|евро/i, ['EUR']],
  [/£/, ['GBP']],
  [/¥/, ['JPY', 'CNY']],
  [/₽|руб|(?:^|[\d\s])р\.?$/i, ['RUB']],
  [/₸|тг|тенге/i, ['KZT']],
  [/₴|грн/i, ['UAH']],
];
const currencySigns = /[$€£¥₽₸₴]|руб(?:лей|\.)?|тенге|тг\.?|грн\.?|(?<=[\d\s])р\.?$/gi;

/** The currencies that a sign or a code in a text may mean; undefined where it names none. */
export function currencyIn(text: string): string[] | undefined {
  const code = /(?:^|[^A-Za-z])([A-Z]{3})(?![A-Za-z])/.exec(text)?.[1];
  if (code && isCurrency(code)) return [code];
  return signs.find(([sign]) => sign.test(text))?.[1];
}

const currencies = new Set(Intl.supportedValuesOf('currency'));
export const isCurrency = (code: string): boolean => currencies.has(code);

const short = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
