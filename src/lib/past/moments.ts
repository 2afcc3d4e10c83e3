import type { Words } from '#lib/ui/words.svelte.ts';

export const day = 86_400_000;
export const quarter = 900_000;
/** The log keeps whole images this long; a little less, as the screen stays open for a while. */
const kept = 30 * day - 3_600_000;

/** A whole number of quarters of an hour before now, so that a slider reaches both ends. */
export const oldest = (now: number): number => now - Math.floor(kept / quarter) * quarter;

/** The nearest moment that can be looked at. */
export const snapped = (at: number, now: number): Date =>
  new Date(Math.min(now, Math.max(oldest(now), at)));

export const yesterday = (): Date => snapped(Date.now() - day, Date.now());

/** The moment an address names; undefined where it names none. */
export function momentOf(text: string | null): Date | undefined {
  const at = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : snapped(at, Date.now());
}

/** `14 November, 15:30` by the clocks of the organization. */
export const momentText = (at: Date, words: Words): string =>
  `${words.longDay(words.dayOf(at))}, ${words.clock(at)}`;
