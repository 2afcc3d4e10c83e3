import { intlLocale, type Locale } from './i18n.ts';

/** A calendar day without time or zone, `YYYY-MM-DD`. */
export type Day = string;

export function dayIn(timeZone: string, at: Date): Day {
  const known = dayFormats.get(timeZone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone });
  dayFormats.set(timeZone, known);
  return known.format(at);
}

/** Whole days from one day to another; negative when `to` is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.parse(`${to}T00:00Z`) - Date.parse(`${from}T00:00Z`)) / 86_400_000);
}

export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** The instant, in milliseconds since 1970, at which clocks of a zone show `time` (`16:30`) on a day. */
export function instantOf(day: Day, time: string, timeZone: string): number {
  const guess = Date.parse(`${day}T${time}:00Z`);
  const shown = (at: number) =>
    Date.parse(
      `${new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
        .format(at)
        .replace(' ', 'T')}Z`,
    );
  const first = guess - (shown(guess) - guess);
  return first - (shown(first) - guess);
}

/** `18 дек` within half a year of today, else `15.01.2027`. */
export function shortDay(day: Day, { locale, today }: { locale: Locale; today: Day }): string {
  if (Math.abs(daysBetween(today, day)) > 183) return fullDay(day, locale);
  const parts = formatter(locale, { day: '2-digit', month: 'short', timeZone: 'UTC' });
  return parts
    .format(Date.parse(`${day}T00:00Z`))
    .replace('.', '')
    .replace('нояб', 'ноя');
}

/** `15.01.2027` in Russian, `15/01/2027` in English. */
export function fullDay(day: Day, locale: Locale): string {
  const options = { day: '2-digit', month: '2-digit', year: 'numeric', timeZone: 'UTC' } as const;
  return formatter(locale, options).format(Date.parse(`${day}T00:00Z`));
}

/** `20 ноября`, with the year when it is another one. */
export function longDay(day: Day, { locale, today }: { locale: Locale; today: Day }): string {
  const year = day.slice(0, 4) === today.slice(0, 4) ? undefined : ('numeric' as const);
  const options = { day: 'numeric', month: 'long', year, timeZone: 'UTC' } as const;
  return formatter(locale, options).format(Date.parse(`${day}T00:00Z`));
}

/** `16:30` in the given zone. */
export function clock(
  at: Date,
  { locale, timeZone }: { locale: Locale; timeZone: string },
): string {
  return formatter(locale, { hour: '2-digit', minute: '2-digit', timeZone }).format(at);
}

const dayFormats = new Map<string, Intl.DateTimeFormat>();
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: Locale, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  const known = formatters.get(key) ?? new Intl.DateTimeFormat(intlLocale(locale), options);
  formatters.set(key, known);
  return known;
}
