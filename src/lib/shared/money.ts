import { intlLocale, type Locale } from './i18n.ts';

/** An amount in whole minor units (kopecks, cents) of an ISO 4217 currency. */
export interface Money {
  value: number;
  currency: string;
}

/** Units of `base` that one unit of `currency` costs, as of a day. */
export interface Rate {
  currency: string;
  rate: number | string;
}

export function minorDigits(currency: string): number {
  return (
    numberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
  );
}

/** Rounded half up per deal, away from fractions of a minor unit. */
export function weightedValue(value: number, probability: number): number {
  return Math.floor((value * probability) / 100 + 0.5);
}

/** `head` is set strongly, `tail` and `lead` (unit and currency sign) quietly. */
export interface MoneyParts {
  lead: string;
  head: string;
  tail: string;
}

export function moneyParts(
  { value, currency }: Money,
  { locale, isCompact = false }: { locale: Locale; isCompact?: boolean },
): MoneyParts {
  const major = value / 10 ** minorDigits(currency);
  const isWhole = Number.isInteger(major);
  const options: Intl.NumberFormatOptions = isCompact
    ? {
        notation: 'compact',
        maximumSignificantDigits: Math.abs(major) < 1000 ? undefined : 3,
        maximumFractionDigits: 2,
      }
    : { minimumFractionDigits: isWhole ? 0 : minorDigits(currency) };
  const parts = numberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    ...options,
    ...(isWhole && !isCompact ? { maximumFractionDigits: 0 } : {}),
  }).formatToParts(major);
  const isFigure = (type: string) => /integer|group|decimal|fraction|minusSign/.test(type);
  const first = parts.findIndex((part) => isFigure(part.type));
  const last = parts.findLastIndex((part) => isFigure(part.type));
  const text = (from: number, to: number) =>
    parts
      .slice(from, to)
      .map((part) => part.value)
      .join('')
      .replaceAll(' ', '\u00A0');
  return { lead: text(0, first), head: text(first, last + 1), tail: text(last + 1, parts.length) };
}

export function moneyText(money: Money, options: { locale: Locale; isCompact?: boolean }): string {
  const { lead, head, tail } = moneyParts(money, options);
  return lead + head + tail;
}

/** The amount without its currency, as a person would type it: `1200,5`. */
export function editableMoney({ value, currency }: Money, locale: Locale): string {
  const options = { useGrouping: false, maximumFractionDigits: minorDigits(currency) };
  return numberFormat(locale, options).format(value / 10 ** minorDigits(currency));
}

/** Minor units of what a person typed (`1 200,50`, `1,200.50`); null for blank, undefined for nonsense. */
export function parseMoney(text: string, currency: string): number | null | undefined {
  const bare = text.replace(/[\s\u00A0\u202F'’]|\p{Sc}/gu, '');
  if (bare === '') return null;
  const last = Math.max(bare.lastIndexOf(','), bare.lastIndexOf('.'));
  // Three digits after the only separator are thousands, but not where a currency has three of its own.
  const isDecimal =
    last >= 0 &&
    (bare.length - last - 1 !== 3 ||
      (minorDigits(currency) === 3 && (bare.match(/[.,]/g) ?? []).length === 1) ||
      ((bare.match(/[.,]/g) ?? []).length === 2 && new Set(bare.match(/[.,]/g)).size === 2));
  const whole = (isDecimal ? bare.slice(0, last) : bare).replace(/[.,]/g, '');
  const fraction = isDecimal ? bare.slice(last + 1) : '';
  const digits = minorDigits(currency);
  if (!/^\d+$/.test(whole + fraction) || fraction.length > digits) return undefined;
  const value = Number(whole + fraction.padEnd(digits, '0'));
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A sum in one currency: `isConverted` when rates were used, `left` what no rate could convert. */
export interface TotalMoney extends Money {
  isConverted: boolean;
  left: Money[];
}

/** The rate of each currency that holds on a day: the last that had begun by then. */
export function ratesOn<Dated extends Rate & { validFrom: string }>(
  day: string,
  rates: Iterable<Dated>,
): Dated[] {
  const latest = new Map<string, Dated>();
  for (const rate of rates) {
    const known = latest.get(rate.currency);
    if (rate.validFrom <= day && (!known || known.validFrom < rate.validFrom))
      latest.set(rate.currency, rate);
  }
  return [...latest.values()];
}

export function totalIn(currency: string, amounts: Money[], rates: Rate[]): TotalMoney {
  const total: TotalMoney = { value: 0, currency, isConverted: false, left: [] };
  for (const amount of amounts) {
    const converted = convert(amount, currency, rates);
    if (converted === undefined) {
      total.left.push(amount);
      continue;
    }
    total.value += converted;
    total.isConverted ||= amount.currency !== currency && amount.value !== 0;
  }
  return total;
}

function convert({ value, currency }: Money, to: string, rates: Rate[]): number | undefined {
  if (currency === to) return value;
  const rate = rates.find((known) => known.currency === currency);
  if (!rate) return value === 0 ? 0 : undefined;
  const scale = 10 ** (minorDigits(to) - minorDigits(currency));
  return Math.round(value * Number(rate.rate) * scale);
}

const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(locale: Locale, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  const known = formats.get(key) ?? new Intl.NumberFormat(intlLocale(locale), options);
  formats.set(key, known);
  return known;
}
