import type { Mark } from '#lib/ui/record/marks.ts';
import type { Told } from './inbox.svelte.ts';

/** Rows that grow gather what comes within so many milliseconds of what came before. */
const gathersFor = 600_000;

/** Where in the history of a record the things are that one is told of. */
export const marksOf = (told: readonly Told[]): Mark[] =>
  told.map(({ id, actor, at, count }) => ({
    key: id,
    by: actor,
    from: at - gathersFor * (count - 1) - 1,
    to: at + 1,
  }));
