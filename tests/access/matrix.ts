/** The roles that the walk goes through, and two who are none of them. */
export const roles = ['owner', 'admin', 'manager', 'sales', 'viewer', 'customer'] as const;
export const outsiders = ['stranger', 'nobody'] as const;

export type Caller = (typeof roles)[number] | (typeof outsiders)[number];

const heads: Caller[] = ['owner', 'admin'];
const managers: Caller[] = [...heads, 'manager'];
const editors: Caller[] = [...managers, 'sales'];
const lookers: Caller[] = [...editors, 'viewer'];
const members: Caller[] = [...lookers, 'customer'];
const signedIn: Caller[] = [...members, 'stranger'];
const anyone: Caller[] = [...signedIn, 'nobody'];

/** What somebody of the sales role gets who calls with a record of another team. */
type Beside = 'NOT_FOUND' | 'BAD_INPUT' | 'nothing';

/** What one gets who calls with a record of a teammate that is seen and yet not the caller's to delete. */
const notYours = 'FORBIDDEN: notYours';

/**
 * Who may call what. This is the specification: it is not derived from the procedures, so a guard that is
 * taken away, or given to somebody else, differs from it.
 */
export const matrix: Record<
  string,
  { may: Caller[]; beside?: Beside; mate?: typeof notYours | 'NOT_FOUND' }
> = {
  'access.why': { may: members },

  'activities.list': { may: lookers, beside: 'nothing' },
  'activities.get': { may: lookers, beside: 'NOT_FOUND' },
  'activities.create': { may: editors, beside: 'BAD_INPUT' },
  'activities.update': { may: editors, beside: 'NOT_FOUND' },
  'activities.complete': { may: editors, beside: 'NOT_FOUND' },
  'activities.delete': { may: editors, beside: 'NOT_FOUND', mate: notYours },

  'apiKeys.uses': { may: heads },
  'apiKeys.create': { may: heads },
  'apiKeys.revoke': { may: heads },

  'audit.list': { may: heads },
  'audit.state': { may: heads },
  'audit.export': { may: heads },

  'customers.list': { may: lookers, beside: 'nothing' },
  'customers.get': { may: lookers, beside: 'NOT_FOUND' },
  'customers.stats': { may: lookers },
  'customers.tags': { may: lookers },
  'customers.create': { may: editors },
  'customers.update': { may: editors, beside: 'NOT_FOUND' },
  'customers.delete': { may: editors, beside: 'NOT_FOUND', mate: notYours },
  'customers.restore': { may: editors, beside: 'NOT_FOUND', mate: notYours },

  'deals.list': { may: lookers, beside: 'nothing' },
  'deals.get': { may: lookers, beside: 'NOT_FOUND' },
  'deals.stats': { may: lookers },
  'deals.create': { may: editors, beside: 'BAD_INPUT' },
  'deals.update': { may: editors, beside: 'NOT_FOUND' },
  'deals.move': { may: editors, beside: 'NOT_FOUND' },
  'deals.delete': { may: editors, beside: 'NOT_FOUND', mate: notYours },
  'deals.restore': { may: editors, beside: 'NOT_FOUND', mate: notYours },
  'deals.markWon': { may: editors, beside: 'NOT_FOUND' },
  'deals.markLost': { may: editors, beside: 'NOT_FOUND' },
  'deals.reopen': { may: editors, beside: 'NOT_FOUND' },

  'dealProducts.list': { may: lookers, beside: 'NOT_FOUND' },
  'dealProducts.add': { may: editors, beside: 'NOT_FOUND' },
  'dealProducts.update': { may: editors, beside: 'NOT_FOUND' },
  'dealProducts.remove': { may: editors, beside: 'NOT_FOUND' },

  'exchangeRates.list': { may: lookers },
  'exchangeRates.set': { may: heads },
  'exchangeRates.delete': { may: heads },

  'lostReasons.list': { may: lookers },
  'lostReasons.get': { may: lookers },
  'lostReasons.create': { may: managers },
  'lostReasons.update': { may: managers },
  'lostReasons.delete': { may: managers },

  'follows.set': { may: lookers, beside: 'NOT_FOUND' },

  'looks.since': { may: members },
  'looks.mark': { may: members },

  'notifications.list': { may: members, beside: 'nothing' },
  'notifications.mark': { may: members, beside: 'NOT_FOUND', mate: 'NOT_FOUND' },
  'notifications.snooze': { may: members, beside: 'NOT_FOUND', mate: 'NOT_FOUND' },
  'notifications.readAll': { may: members },
  'notifications.refused': { may: members },
  'notifications.preferences': { may: members },
  'notifications.prefer': { may: members },
  'notifications.pushState': { may: signedIn },
  'notifications.startPush': { may: signedIn },
  'notifications.stopPush': { may: signedIn },

  'past.topic': { may: lookers, beside: 'nothing' },
  'past.records': { may: lookers, beside: 'nothing' },
  'past.figures': { may: lookers },
  'past.list': { may: lookers },
  'past.differences': { may: lookers },

  'pipelines.list': { may: lookers },
  'pipelines.get': { may: lookers },
  'pipelines.create': { may: managers },
  'pipelines.update': { may: managers },
  'pipelines.setDefault': { may: managers },
  'pipelines.delete': { may: managers },

  'products.list': { may: lookers },
  'products.get': { may: lookers },
  'products.create': { may: managers },
  'products.update': { may: managers },
  'products.delete': { may: heads },

  'stages.list': { may: lookers },
  'stages.get': { may: lookers },
  'stages.create': { may: managers },
  'stages.update': { may: managers },
  'stages.reorder': { may: managers },
  'stages.place': { may: managers },
  'stages.delete': { may: managers },

  'timeline.ofRecord': { may: lookers, beside: 'NOT_FOUND' },
  'timeline.ofOrganization': { may: members },

  'auth.login': { may: anyone },
  'auth.refresh': { may: anyone },
  'auth.refreshAccess': { may: anyone },
  'auth.logout': { may: anyone },
  'auth.register': { may: [...heads, 'nobody'] },
  'auth.changePassword': { may: signedIn },
  'auth.me': { may: signedIn },
  'auth.askToVerify': { may: signedIn },
  'auth.sessions': { may: signedIn },
  'auth.endSessions': { may: signedIn },

  'invitations.list': { may: heads },
  'invitations.create': { may: heads },
  'invitations.revoke': { may: heads },

  'members.list': { may: heads },
  'members.get': { may: heads },
  'members.create': { may: heads },
  'members.update': { may: heads },
  'members.makeResetLink': { may: heads },
  'members.chooseCardFields': { may: members },

  'organizations.mine': { may: signedIn },
  'organizations.create': { may: signedIn },
  'organizations.get': { may: members },
  'organizations.update': { may: heads },

  'roles.list': { may: lookers },
  'roles.permissions': { may: members },
  'roles.mine': { may: members },
  'roles.create': { may: heads },
  'roles.update': { may: heads },
  'roles.assignPermission': { may: heads },
  'roles.remove': { may: heads },

  'teams.list': { may: lookers },
  'teams.create': { may: heads },
  'teams.update': { may: heads },
  'teams.remove': { may: heads },

  'trash.list': { may: members },
  'trash.restore': { may: editors, beside: 'NOT_FOUND', mate: notYours },

  'undo.preview': { may: editors, beside: 'NOT_FOUND', mate: notYours },
  'undo.run': { may: editors, beside: 'NOT_FOUND', mate: notYours },
};

/** Calls that are let in and then refuse what the fixture says, because it cannot be made to work for all. */
export const refusedInside: Record<string, string> = {
  'auth.login': 'UNAUTHENTICATED: wrongPassword',
  'auth.refresh': 'UNAUTHENTICATED: tokenNotGood',
  'auth.refreshAccess': 'UNAUTHENTICATED: tokenNotGood',
  'auth.changePassword': 'BAD_INPUT: current wrongPassword',
  // Nobody of the walk has a session, and a push lasts as long as one.
  'notifications.startPush': 'FORBIDDEN',
};

/** How whoever may not is refused: a member by the missing right, others before there is any right to miss. */
export const refusals: Partial<Record<Caller, string>> & { member: string } = {
  stranger: 'NOT_FOUND: noOrganization',
  nobody: 'UNAUTHENTICATED: signInFirst',
  member: 'FORBIDDEN: noPermission',
};

/** Where the refusal is another one. */
export const otherRefusals: Record<string, Partial<Record<Caller, string>>> = {
  'timeline.ofRecord': { customer: 'NOT_FOUND' },
  'trash.restore': { viewer: notYours, customer: 'NOT_FOUND' },
  'undo.preview': { viewer: notYours, customer: 'NOT_FOUND' },
  'undo.run': { viewer: notYours, customer: 'NOT_FOUND' },
  'follows.set': { customer: 'NOT_FOUND' },
  'auth.register': { stranger: 'FORBIDDEN: noPermission' },
};
