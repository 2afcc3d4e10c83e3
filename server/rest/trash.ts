import type { Trashed } from '../trash/list.ts';
import { act } from './crud.ts';

export const trashRest = {
  list: [
    {
      method: 'GET' as const,
      path: '/trash',
      summary: 'What was deleted and can be brought back, the newest first',
      output: ({ items, nextBefore }: { items: Trashed[]; nextBefore: string | null }) => ({
        data: items,
        meta: { nextBefore },
      }),
    },
  ],
  restore: [
    act('/trash/{entity}/{id}/restore', 'Bring a deleted record back, with what fell with it', {
      message: 'Restored',
    }),
  ],
};
