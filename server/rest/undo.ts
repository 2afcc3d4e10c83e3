import type { UndoAnswer } from '../undo/answer.ts';
import type { RestRoute } from './route.ts';

const output = ({ nextCursor, ...done }: UndoAnswer) => ({ data: done, meta: { nextCursor } });

export const undoRest = {
  preview: [
    {
      method: 'GET',
      path: '/undo/preview',
      summary: 'What an undo would do, and what would stay and why',
      output,
    },
  ],
  run: [
    {
      method: 'POST',
      path: '/undo',
      summary: 'Take a change back, or a page of a run',
      status: 200,
      output,
    },
  ],
} satisfies Record<string, RestRoute[]>;
