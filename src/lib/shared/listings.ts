import { plainText } from './fields.ts';

/** A filtered, sorted list as both sides understand it: which rows are in it, and where. */
export interface ListShape {
  fits(row: Record<string, unknown>): boolean;
  /** Rows stand in the order of their keys, which are compared by code point; those without come last. */
  keyOf(row: Record<string, unknown>): string | null;
  isDescending: boolean;
}

/** The key of a list: its name and its parameters, the same on both sides. */
export { totalsKey as listKey } from './totals.ts';

/** Text as lists order it: 2 before 10. `crm.sort_text` does the same. */
export const sortText = (words: string): string =>
  plainText(words).replace(/[0-9]+/g, (digits) => digits.slice(-15).padStart(15, '0'));

export interface Place {
  key: string | null;
  id: string;
}

/** Before (negative) or after. As Postgres: `order by key collate "C" [desc] nulls last, id`. */
export function comparePlaces(a: Place, b: Place, isDescending: boolean): number {
  if (a.key === null || b.key === null) {
    if (a.key !== b.key) return a.key === null ? 1 : -1;
  } else if (a.key !== b.key) {
    return isDescending ? byCodePoint(b.key, a.key) : byCodePoint(a.key, b.key);
  }
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** JavaScript compares UTF-16 units: what is written with two of them would come before U+E000 to U+FFFF. */
function byCodePoint(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  const [x = -1, y = -1] = [a.codePointAt(at), b.codePointAt(at)];
  return x - y;
}
