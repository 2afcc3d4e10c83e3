/** What one is pointed to in the history of a record: what somebody did from one moment to another. */
export interface Mark {
  key: string;
  /** A member's id or a worker's name; null is somebody past the application. */
  by: string | null;
  from: number;
  to: number;
}

/** `early` is by how many milliseconds at most it may seem to be done before it was. */
export const isMarked = (
  marks: readonly Mark[],
  { at, by, early }: { at: number; by: string | null; early: number },
): boolean => marks.some((mark) => mark.by === by && mark.from - early <= at && at <= mark.to);
