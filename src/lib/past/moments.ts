import type { Words } from '#lib/ui/words.svelte.ts';

export const day = 86_400_000;
export const quarter = 900_000;
/**
 * How far back one can look where the log keeps whole images for so many days; an hour less, as the
 * screen stays open for a while. A whole number of quarters of an hour, so that a slider reaches both ends.
 */
export const oldest = (now: number, keptDays: number): number =>
  now - Math.floor((keptDays * day - 3_600_000) / quarter) * quarter;

/** The nearest moment that can be looked at. */
export const snapped = (at: number, keptDays: number, now = Date.now()): Date =>
  new Date(Math.min(now, Math.max(oldest(now, keptDays), at)));

export const yesterday = (keptDays: number): Date => snapped(Date.now() - day, keptDays);

/** The moment an address names; undefined where it names none. */
export function momentOf(text: string | null, keptDays: number): Date | undefined {
  const at = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : snapped(at, keptDays);
}

/** `14 November, 15:30` by the clocks of the organization. */
export const momentText = (at: Date, words: Words): string =>
  `${words.longDay(words.dayOf(at))}, ${words.clock(at)}`;
