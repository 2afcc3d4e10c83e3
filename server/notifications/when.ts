import { addDays, dayIn, instantOf } from '#lib/shared/dates.ts';

/** When a member wants to get letters. */
export interface Wishes {
  digest: string;
  quietFrom: string | null;
  quietTo: string | null;
  timeZone: string;
}

/** When digests come, by the member's clock; the weekly one on Fridays. */
const digestAt = '09:00';
const friday = 5;

/** When a letter about something that happened at a moment is due; undefined for who wants none. */
export function letterDue(wishes: Wishes, at: number): number | undefined {
  const { digest, timeZone } = wishes;
  if (digest === 'never') return undefined;
  if (digest === 'instant') return afterQuiet(wishes, at);
  let day = dayIn(timeZone, new Date(at));
  for (;;) {
    const due = instantOf(day, digestAt, timeZone);
    const isDay = digest === 'daily' || new Date(`${day}T00:00Z`).getUTCDay() === friday;
    if (isDay && due > at) return due;
    day = addDays(day, 1);
  }
}

/** The same moment, or the end of the quiet hours that it falls into. */
export function afterQuiet({ quietFrom, quietTo, timeZone }: Wishes, at: number): number {
  if (!quietFrom || !quietTo || quietFrom === quietTo) return at;
  const today = dayIn(timeZone, new Date(at));
  // Quiet hours that began yesterday may last into today.
  for (const day of [addDays(today, -1), today]) {
    const from = instantOf(day, quietFrom, timeZone);
    const to = instantOf(quietTo > quietFrom ? day : addDays(day, 1), quietTo, timeZone);
    if (at >= from && at < to) return to;
  }
  return at;
}
