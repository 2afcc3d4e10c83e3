import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing';

/** Orders by (rank, id); ranks compare by code unit, as the database's "C" collation does. */
export function byRank(a: { rank: string; id: string }, b: { rank: string; id: string }): number {
  if (a.rank !== b.rank) return a.rank < b.rank ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export function byPosition(
  a: { position: string; id: string },
  b: { position: string; id: string },
): number {
  if (a.position !== b.position) return a.position < b.position ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * A rank between two neighbours; null stands for the edge. Equal neighbours: right after the first. A
 * neighbour that is no rank, written by hand in the database, is gone after by its letters alone.
 */
export function rankBetween(before: string | null, after: string | null): string {
  const next = before !== null && after !== null && before >= after ? null : after;
  try {
    return generateKeyBetween(before, next);
  } catch {
    return `${before ?? ''}V`;
  }
}

/** Whether text is a rank that others can be put beside. */
export function isRank(text: string): boolean {
  try {
    return generateKeyBetween(text, null) > text;
  } catch {
    return false;
  }
}

/** That many ranks in order, all after one; null stands for the edge. */
export const ranksAfter = (before: string | null, count: number): string[] =>
  generateNKeysBetween(before, null, count);
