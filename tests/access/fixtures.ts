import { newId } from '#lib/shared/ids.ts';
import { listKey } from '#lib/shared/listings.ts';
import { totalsKey } from '#lib/shared/totals.ts';
import type { Place } from './place.ts';

/** A valid input of a procedure, for somebody to whom its records belong. */
export type Fixture = (place: Place, ownerId: string) => unknown;

const day = '2026-11-20';
const nothing = () => undefined;
const name = () => `New ${newId()}`;
const customer: Fixture = async ({ make }, ownerId) => ({ id: await make.customer(ownerId) });
const deal: Fixture = async ({ make }, ownerId) => ({ id: await make.deal(ownerId) });
const activity: Fixture = async ({ make }, ownerId) => ({ id: await make.activity(ownerId) });
const product: Fixture = async ({ make }) => ({ id: await make.product() });

/** One for each procedure: without it the walk is red. */
export const fixtures: Record<string, Fixture> = {
  'access.why': async ({ make }, ownerId) => ({ entity: 'deals', id: await make.deal(ownerId) }),

  'activities.list': async ({ make }, ownerId) => {
    await make.activity(ownerId);
    return { ownerId };
  },
  'activities.get': activity,
  'activities.create': async ({ make }, ownerId) => ({
    id: newId(),
    kind: 'call',
    title: name(),
    ownerId,
    dealId: await make.deal(ownerId),
    customerId: await make.customer(ownerId),
  }),
  'activities.update': async ({ make }, ownerId) => ({
    id: await make.activity(ownerId),
    dealId: await make.deal(ownerId),
    customerId: await make.customer(ownerId),
    ownerId,
  }),
  'activities.complete': async ({ make }, ownerId) => ({
    id: await make.activity(ownerId),
    isDone: true,
  }),
  'activities.delete': activity,

  'audit.list': () => ({}),
  'audit.state': nothing,
  'audit.export': () => ({}),

  'customers.list': async ({ make }, ownerId) => {
    await make.customer(ownerId);
    return { ownerId };
  },
  'customers.get': customer,
  'customers.stats': () => ({}),
  'customers.tags': nothing,
  'customers.create': (_, ownerId) => ({ id: newId(), name: name(), ownerId }),
  'customers.update': async ({ make }, ownerId) => ({
    id: await make.customer(ownerId),
    ownerId,
    name: name(),
  }),
  'customers.delete': customer,
  'customers.restore': nothing,

  'deals.list': async ({ make, pipelineId, stage }, ownerId) => {
    await make.deal(ownerId);
    return { ownerId, pipelineId, stageId: stage('open') };
  },
  'deals.get': deal,
  'deals.stats': ({ pipelineId }) => ({ pipelineId }),
  'deals.create': async (place, ownerId) => ({
    id: newId(),
    pipelineId: place.pipelineId,
    stageId: place.stage('open'),
    customerId: await place.make.customer(ownerId),
    ownerId,
    rank: 'a0',
    title: name(),
    currency: 'USD',
  }),
  'deals.update': async ({ make }, ownerId) => ({
    id: await make.deal(ownerId),
    customerId: await make.customer(ownerId),
    ownerId,
    title: name(),
  }),
  'deals.move': async ({ make, stage, lostReasonId }, ownerId) => ({
    id: await make.deal(ownerId),
    stageId: stage('lost'),
    lostReasonId,
  }),
  'deals.delete': deal,
  'deals.restore': nothing,
  'deals.markWon': async ({ make, stage }, ownerId) => ({
    id: await make.deal(ownerId),
    stageId: stage('won'),
  }),
  'deals.markLost': async ({ make, stage, lostReasonId }, ownerId) => ({
    id: await make.deal(ownerId),
    stageId: stage('lost'),
    lostReasonId,
  }),
  'deals.reopen': async ({ make, stage }, ownerId) => ({
    id: await make.deal(ownerId, stage('won')),
    stageId: stage('open'),
  }),

  'dealProducts.list': async ({ make }, ownerId) => ({
    dealId: await make.deal(ownerId),
    productId: await make.product(),
  }),
  'dealProducts.add': async ({ make }, ownerId) => ({
    id: newId(),
    dealId: await make.deal(ownerId),
    productId: await make.product(),
  }),
  'dealProducts.update': async ({ make }, ownerId) => ({
    id: await make.line(await make.deal(ownerId)),
    quantity: '2',
  }),
  'dealProducts.remove': async ({ make }, ownerId) => ({
    id: await make.line(await make.deal(ownerId)),
  }),

  'exchangeRates.list': () => ({}),
  'exchangeRates.set': () => ({ id: newId(), currency: 'KZT', validFrom: day, rate: '0.002' }),
  'exchangeRates.delete': async ({ make }) => ({ id: await make.rate() }),

  'lostReasons.list': () => ({}),
  'lostReasons.get': async ({ make }) => ({ id: await make.lostReason() }),
  'lostReasons.create': () => ({ id: newId(), name: name(), position: 'a5' }),
  'lostReasons.update': async ({ make }) => ({ id: await make.lostReason(), name: name() }),
  'lostReasons.delete': async ({ make }) => ({
    id: await make.lostReason(),
    replaceWith: await make.lostReason(),
  }),

  'follows.set': async ({ make }, ownerId) => ({
    id: newId(),
    entity: 'deals',
    recordId: await make.deal(ownerId),
    state: 'following',
  }),

  'looks.since': () => ({ place: 'customers' }),
  'looks.mark': () => ({ place: 'customers', position: 1 }),

  'notifications.list': async ({ make }, ownerId) => {
    const id = await make.notification(ownerId);
    return { recordId: id };
  },
  'notifications.mark': async ({ make }, ownerId) => ({
    ids: [await make.notification(ownerId)],
    state: 'read',
  }),
  'notifications.snooze': async ({ make }, ownerId) => ({
    ids: [await make.notification(ownerId)],
    until: Date.parse('2030-01-01'),
  }),
  'notifications.readAll': () => ({ upTo: 0 }),
  'notifications.refused': async ({ make }, ownerId) => ({
    ...{ key: newId(), name: 'deals.update', madeAt: 0 },
    recordId: await make.deal(ownerId),
  }),
  'notifications.preferences': nothing,
  'notifications.prefer': () => ({ id: newId(), digest: 'daily' }),
  'notifications.pushState': () => ({ endpoint: 'https://push.example.test/1' }),
  'notifications.startPush': () => ({
    endpoint: 'https://push.example.test/1',
    p256dh: Buffer.alloc(65).toString('base64url'),
    auth: Buffer.alloc(16).toString('base64url'),
  }),
  'notifications.stopPush': () => ({ endpoint: 'https://push.example.test/1' }),

  'past.topic': async ({ make }, ownerId) => ({
    key: `deal/${await make.deal(ownerId)}`,
    at: new Date().toISOString(),
  }),
  'past.records': async ({ make }, ownerId) => ({
    entity: 'deals',
    ids: [await make.deal(ownerId)],
    at: new Date().toISOString(),
  }),
  'past.figures': ({ pipelineId }) => ({
    key: totalsKey('dealTotals', { pipelineId, today: day }),
    at: new Date().toISOString(),
  }),
  'past.list': () => ({
    key: listKey('customerList', { sort: 'name' }),
    at: new Date().toISOString(),
  }),
  'past.differences': () => ({ entity: 'deals', at: new Date().toISOString() }),

  'pipelines.list': () => ({}),
  'pipelines.get': ({ pipelineId }) => ({ id: pipelineId }),
  'pipelines.create': () => ({ id: newId(), name: name(), position: 'a5' }),
  'pipelines.update': async ({ make }) => ({ id: (await make.pipeline()).id, name: name() }),
  'pipelines.setDefault': ({ pipelineId }) => ({ id: pipelineId }),
  'pipelines.delete': async ({ make, stage }) => ({
    id: (await make.pipeline()).id,
    moveDealsTo: stage('open'),
  }),

  'products.list': () => ({}),
  'products.get': product,
  'products.create': () => ({ id: newId(), name: name(), currency: 'USD' }),
  'products.update': async ({ make }) => ({ id: await make.product(), name: name() }),
  'products.delete': product,

  'stages.list': ({ pipelineId }) => ({ pipelineId }),
  'stages.get': ({ stage }) => ({ id: stage('open') }),
  'stages.create': async ({ make }) => ({
    id: newId(),
    pipelineId: (await make.pipeline()).id,
    name: name(),
    position: 'a5',
  }),
  'stages.update': async ({ make }) => ({ id: (await make.pipeline()).stageIds[0], name: name() }),
  'stages.reorder': async ({ make }) => {
    const { id, stageIds } = await make.pipeline();
    return { pipelineId: id, stageIds: stageIds.toReversed() };
  },
  'stages.place': async ({ make }) => ({ id: (await make.pipeline()).stageIds[1], place: 1 }),
  'stages.delete': async ({ make }) => {
    const { stageIds } = await make.pipeline();
    return { id: stageIds[0], moveDealsTo: stageIds[1] };
  },

  'timeline.ofRecord': async ({ make }, ownerId) => ({
    entity: 'deals',
    id: await make.deal(ownerId),
  }),

  'timeline.ofOrganization': async ({ make }, ownerId) => ({ run: await make.run(ownerId) }),

  'auth.login': () => ({ email: 'nobody@example.test', password: 'wrong' }),
  'auth.refresh': () => ({ refresh: 'none' }),
  'auth.refreshAccess': () => ({ refresh: 'none' }),
  'auth.logout': () => ({}),
  'auth.register': () => ({
    email: `${newId()}@example.test`,
    password: 'correct horse battery',
    name: name(),
  }),
  'auth.changePassword': () => ({ current: 'wrong', next: 'correct horse battery 2' }),
  'auth.me': nothing,
  'auth.askToVerify': nothing,
  'auth.sessions': nothing,
  'auth.endSessions': () => ({ id: '0123456789abcdef' }),

  'apiKeys.uses': nothing,
  'apiKeys.create': () => ({ name: name(), scopes: ['deals.view'] }),
  'apiKeys.revoke': async ({ make }) => ({ id: await make.apiKey() }),

  'invitations.list': nothing,
  'invitations.create': async ({ make, roleId }) => ({
    roleId: await roleId('sales'),
    teamId: await make.team(),
    memberId: await make.member(),
  }),
  'invitations.revoke': async ({ make }) => ({ id: await make.invitation() }),

  'members.list': ({ organizationId }) => ({ id: organizationId }),
  'members.get': async ({ make }) => ({ id: await make.member() }),
  'members.create': async ({ make, roleId }) => ({
    id: newId(),
    name: name(),
    roleId: await roleId('sales'),
    teamId: await make.team(),
  }),
  'members.makeResetLink': async ({ join }) => ({ id: (await join('viewer')).memberId }),
  'members.chooseCardFields': () => ({ fields: ['owner'] }),
  'members.update': async ({ make, roleId }) => ({
    id: await make.member(),
    roleId: await roleId('viewer'),
    teamId: await make.team(),
  }),

  'organizations.mine': nothing,
  'organizations.create': () => ({ name: name() }),
  'organizations.get': ({ organizationId }) => ({ id: organizationId }),
  'organizations.update': () => ({ timeZone: 'UTC' }),

  'roles.list': nothing,
  'roles.permissions': nothing,
  'roles.mine': nothing,
  'roles.create': () => ({ id: newId(), name: name() }),
  'roles.update': async ({ make }) => ({ id: await make.role(), name: name() }),
  'roles.assignPermission': async ({ make }) => ({
    id: await make.role(),
    permission: 'deals.view',
    level: 'team',
  }),
  'roles.remove': async ({ make }) => ({ id: await make.role() }),

  'teams.list': nothing,
  'teams.create': () => ({ id: newId(), name: name() }),
  'teams.update': async ({ make }) => ({ id: await make.team(), name: name() }),
  'teams.remove': async ({ make }) => ({ id: await make.team() }),

  'trash.list': () => ({}),
  'trash.restore': nothing,

  'undo.preview': async ({ make }, ownerId) => ({ run: await make.run(ownerId) }),
  'undo.run': async ({ make }, ownerId) => ({ run: await make.run(ownerId) }),
};
