/** The group a row counts in and what it adds there; undefined when it does not count at all. */
export type Measure = (
  row: Record<string, unknown>,
) => { group: string; figures: number[] } | undefined;

/** The key of live totals: their name and their parameters, the same on both sides. */
export function totalsKey(name: string, params: Record<string, unknown>): string {
  const set = Object.entries(params).filter(([, value]) => value !== undefined);
  return `${name}?${JSON.stringify(Object.fromEntries(set.sort(([a], [b]) => (a < b ? -1 : 1))))}`;
}
