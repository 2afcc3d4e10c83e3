/** A row of the table; one that is leaving fits the filter no more and stays until the next sort. */
export interface Entry<R> {
  row: R;
  isLeaving: boolean;
}

/**
 * The rows in the order in which they stood, so that nothing jumps while people edit: what has come to
 * fit goes where it belongs, what fits no more is marked, what is gone is gone. Without an earlier
 * order the rows are sorted anew.
 */
export function arrange<R extends { id: string }>(
  before: readonly string[] | undefined,
  rows: readonly R[],
  { fits, compare }: { fits: (row: R) => boolean; compare: (a: R, b: R) => number },
): Entry<R>[] {
  const entry = (row: R): Entry<R> => ({ row, isLeaving: false });
  if (!before) return rows.filter(fits).sort(compare).map(entry);
  const known = new Set(before);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const kept = before.flatMap((id): Entry<R>[] => {
    const row = byId.get(id);
    return row ? [{ row, isLeaving: !fits(row) }] : [];
  });
  const added = rows.filter((row) => !known.has(row.id) && fits(row)).sort(compare);
  for (const row of added) {
    const found = kept.findIndex((one) => compare(row, one.row) < 0);
    kept.splice(found < 0 ? kept.length : found, 0, entry(row));
  }
  return kept;
}
