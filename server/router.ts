import { deals } from './deals.ts';
import { auth } from './auth/procedures.ts';
import { invitations } from './invitations.ts';
import { members } from './members.ts';
import { organizations } from './organizations.ts';
import { roles } from './roles.ts';
import { teams } from './teams.ts';
import { router } from './trpc.ts';

/** The table of contents: one line a feature. */
export const appRouter = router({
  deals,
  auth,
  invitations,
  members,
  organizations,
  roles,
  teams,
});

export type AppRouter = typeof appRouter;
