import { deals } from './deals.ts';
import { router } from './trpc.ts';

/** The table of contents: one line a feature. */
export const appRouter = router({
  deals,
});

export type AppRouter = typeof appRouter;
