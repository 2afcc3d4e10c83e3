import { activities } from './activities.ts';
import { audit } from './audit.ts';
import { customers } from './customers.ts';
import { dealLists } from './deal-lists.ts';
import { dealProducts } from './deal-products.ts';
import { dealStates } from './deal-states.ts';
import { deals } from './deals.ts';
import { access } from './explain-access.ts';
import { exchangeRates } from './exchange-rates.ts';
import { follows } from './follows.ts';
import { looks } from './looks.ts';
import { lostReasons } from './lost-reasons.ts';
import { notifications } from './notifications/procedures.ts';
import { past } from './past/procedures.ts';
import { pipelines } from './pipelines.ts';
import { products } from './products.ts';
import { stages } from './stages.ts';
import { timeline } from './timeline.ts';
import { apiKeys } from './auth/api-key-procedures.ts';
import { auth } from './auth/procedures.ts';
import { invitations } from './invitations.ts';
import { members } from './members.ts';
import { organizations } from './organizations.ts';
import { roles } from './roles.ts';
import { teams } from './teams.ts';
import { trash } from './trash.ts';
import { undo } from './undo/procedures.ts';
import { mergeRouters, router } from './trpc.ts';

/** The table of contents: one line a feature. */
export const appRouter = router({
  access,
  activities,
  audit,
  customers,
  deals: mergeRouters(deals, dealLists, dealStates),
  dealProducts,
  exchangeRates,
  follows,
  looks,
  lostReasons,
  notifications,
  past,
  pipelines,
  products,
  stages,
  timeline,
  apiKeys,
  auth,
  invitations,
  members,
  organizations,
  roles,
  teams,
  trash,
  undo,
});

export type AppRouter = typeof appRouter;
