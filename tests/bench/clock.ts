/** Milliseconds of the machine's one steady clock: comparable between processes. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Moves carry their number in the rank, so that whoever sees the row knows which move it was. No rank ends with 0. */
export const rankOf = (move: number): string => `a1${move.toString(36)}V`;
export const moveOf = (rank: string): number => Number.parseInt(rank.slice(2, -1), 36);
