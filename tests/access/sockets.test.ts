import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { topics, type EntityName, type TopicName } from '#lib/shared/entities.ts';
import { newId, packId } from '#lib/shared/ids.ts';
import { countName, recorded } from '#lib/shared/record-counts.ts';
import { totalsKey } from '#lib/shared/totals.ts';
import { protocolVersion } from '#lib/shared/wire.ts';
import type { App } from '#server/app.ts';
import { admit } from '#server/auth/admission.ts';
import { findMember } from '#server/auth/membership.ts';
import { issueTokens } from '#server/auth/refresh-tokens.ts';
import { livingSignIns } from '#server/auth/sessions.ts';
import { liveLists, liveTotals } from '#server/live-views.ts';
import { LiveServer } from '#server/live/server.ts';
import { startParts } from '#tests/auth/people.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { roles, type Caller } from './matrix.ts';
import { makePlace, type Place, type Somebody } from './place.ts';

const canary = 'Canary';
const today = '2026-11-20';
const heads: Caller[] = ['owner', 'admin'];
const lookers: Caller[] = [...heads, 'manager', 'sales', 'viewer'];

/** Who may subscribe to what: the specification, as the matrix is for calls. */
const mayHave: Record<TopicName, Caller[]> = {
  organization: lookers,
  roles: lookers,
  teams: lookers,
  members: lookers,
  invitations: heads,
  apiKeys: heads,
  exchangeRates: lookers,
  pipelines: lookers,
  stages: lookers,
  lostReasons: lookers,
  products: lookers,
  customers: lookers,
  customer: lookers,
  pipelineDeals: lookers,
  deal: lookers,
  customerDeals: lookers,
  dealProducts: lookers,
  dealActivities: lookers,
  customerActivities: lookers,
  notifications: roles.slice(),
  follows: roles.slice(),
  notificationPreferences: roles.slice(),
};
const names = Object.keys(topics) as TopicName[];

let app: App;
let database: TestDatabase;
let live: LiveServer;
let http: Server;
let url: string;
let ours: Place;
let theirs: Place;
let people: Map<Caller, Somebody>;
let beside: Somebody;
const sockets: Socket[] = [];

beforeAll(async () => {
  ({ app, database } = await startParts());
  live = new LiveServer({
    pool: app.pool,
    ownPool: database.owner.pool,
    log: app.log,
    admit: (handshake) => admit(app, handshake),
    findMember: (userId, organization) => findMember(app, { userId }, organization),
    liveSessions: (hashes) => livingSignIns(app, hashes),
    totals: liveTotals,
    lists: liveLists,
  });
  app.live = live;
  http = createServer();
  await live.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  ours = await makePlace({ app, database }, 'Ours');
  theirs = await makePlace({ app, database }, canary);
  const teamId = await ours.make.team();
  beside = await ours.join('sales', await ours.make.team());
  const joined = await Promise.all(
    roles
      .slice(1)
      .map(async (role): Promise<[Caller, Somebody]> => [role, await ours.join(role, teamId)]),
  );
  people = new Map<Caller, Somebody>([['owner', ours.owner], ...joined]);
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});
afterAll(async () => {
  await live.stop();
  http.close();
  await database.drop();
});

test('every topic has a row of the specification', () => {
  expect(Object.keys(mayHave).sort()).toEqual([...names].sort());
});

describe.each(names)('the topic %s', (topic) => {
  test.each(roles)('is given to %s exactly as the specification says', async (role) => {
    const socket = await open(people.get(role), ours.organizationId);
    const answer = await subscribe(socket, await keyOf(topic, ours));
    expect(answer.kind).toBe(mayHave[topic].includes(role) ? 'rows' : 'refused');
    expect(answer.text).not.toContain(canary);
  });

  test('has nothing of another organization, asked for by its ids', async () => {
    const socket = await open(ours.owner, ours.organizationId);
    const there = await subscribe(socket, await keyOf(topic, theirs));
    expect(there.text).not.toContain(canary);
    if (topics[topic].by.length > 0) expect(there.text).toBe('[]');
  });
});

const mayCount = (entity: EntityName): readonly Caller[] =>
  entity === 'invitations' || entity === 'apiKeys' ? heads : lookers;

/** Every live figure and list: with what it is asked for, and who may. */
const views: Record<
  string,
  { may: readonly Caller[]; params(place: Place): Record<string, unknown> }
> = {
  dealTotals: { may: lookers, params: ({ pipelineId }) => ({ pipelineId, today }) },
  customerTotals: { may: lookers, params: () => ({}) },
  customerCounts: { may: lookers, params: () => ({}) },
  customerList: { may: lookers, params: () => ({ sort: 'name' }) },
  inboxTotals: { may: roles.slice(), params: () => ({}) },
  ...Object.fromEntries(
    recorded.map((entity) => [countName(entity), { may: mayCount(entity), params: () => ({}) }]),
  ),
};
const definitions = [...liveTotals, ...liveLists].map(({ name }) => name);

test('every live figure and list has a row of the specification', () => {
  expect(Object.keys(views).sort()).toEqual([...definitions].sort());
});

describe.each(definitions)('the view %s', (name) => {
  const isList = liveLists.some((one) => one.name === name);
  const ask = (socket: Socket, place: Place): Promise<unknown> => {
    const key = totalsKey(name, views[name]?.params(place) ?? {});
    return isList ? list(socket, key) : totals(socket, key);
  };
  test.each(roles)('is given to %s exactly as the specification says', async (role) => {
    const answer = await ask(await open(people.get(role), ours.organizationId), ours);
    if (views[name]?.may.includes(role)) expect(Array.isArray(answer)).toBe(true);
    else expect(answer).toBe('FORBIDDEN');
  });

  test('counts and lists nothing of another organization', async () => {
    const before = await ask(await open(ours.owner, ours.organizationId), ours);
    await theirs.make.deal(theirs.owner.memberId);
    await theirs.make.customer(theirs.owner.memberId);
    expect(await ask(await open(ours.owner, ours.organizationId), ours)).toEqual(before);
  });
});

test('a list leaves out what other teams have, before and after somebody changes it', async () => {
  const key = totalsKey('customerList', { sort: 'name' });
  const hidden = packId(await ours.make.customer(beside.memberId));
  const seller = await open(people.get('sales'), ours.organizationId);
  const heard: string[] = [];
  seller.onAny((...message: unknown[]) => heard.push(JSON.stringify(message)));
  expect(await list(seller, key)).not.toContain(hidden);
  const viewer = await open(people.get('viewer'), ours.organizationId);
  expect(await list(viewer, key)).toContain(hidden);
  const another = packId(await ours.make.customer(beside.memberId));
  const mine = packId(await ours.make.customer(people.get('sales')?.memberId ?? ''));
  await expect.poll(() => heard.some((text) => text.includes(mine))).toBe(true);
  expect(heard.join()).not.toContain(another);
  seller.emit('range', key, 0, 1_000);
  await expect.poll(() => heard.filter((text) => text.startsWith('["ids"')).length).toBe(3);
  expect(heard.join()).not.toContain(another);
});

test('a seller’s rows and figures leave out what other teams have', async () => {
  await ours.make.customer(beside.memberId);
  await ours.make.deal(beside.memberId);
  const mine = await open(people.get('sales'), ours.organizationId);
  const theirsToo = await open(people.get('viewer'), ours.organizationId);
  for (const key of ['customers', `pipelineDeals/${ours.pipelineId}/open`]) {
    expect((await subscribe(mine, key)).text).toBe('[]');
    expect((await subscribe(theirsToo, key)).text).not.toBe('[]');
  }
  const figures = totalsKey('dealTotals', { pipelineId: ours.pipelineId, today });
  expect(await totals(mine, figures)).toEqual([]);
  expect(await totals(theirsToo, figures)).not.toEqual([]);
  const nobodys = await open(people.get('customer'), ours.organizationId);
  expect(await totals(nobodys, figures)).toBe('FORBIDDEN');
  await theirs.make.deal(theirs.owner.memberId);
  const owner = await open(ours.owner, ours.organizationId);
  const foreign = totalsKey('dealTotals', { pipelineId: theirs.pipelineId, today });
  expect(await totals(owner, foreign)).toEqual([]);
});

test('what is told to one member nobody else hears, the owner of the organization neither', async () => {
  const mine = people.get('sales');
  const { memberId = '' } = mine ?? {};
  const key = `notifications/${memberId}/unread`;
  const [me, head] = [
    await open(mine, ours.organizationId),
    await open(ours.owner, ours.organizationId),
  ];
  const heard: string[] = [];
  head.onAny((...message: unknown[]) => heard.push(JSON.stringify(message)));
  await ours.make.notification(memberId);
  expect((await subscribe(me, key)).text).toContain('Ours ');
  const told = new Promise((resolve) => me.once('f', resolve));
  expect((await subscribe(head, key)).text).toBe('[]');
  await ours.make.notification(memberId);
  expect(JSON.stringify(await told)).toContain('Ours ');
  expect((await subscribe(await open(ours.owner, ours.organizationId), key)).text).toBe('[]');
  await subscribe(head, 'customers');
  expect(heard.join()).not.toContain('Ours notification');
});

test('whoever is nobody here, or belongs elsewhere, does not get in', async () => {
  await expect(open(undefined, ours.organizationId)).rejects.toThrow('UNAUTHENTICATED');
  await expect(open(theirs.owner, ours.organizationId)).rejects.toThrow('UNAUTHENTICATED');
  await expect(open(ours.owner, newId())).rejects.toThrow('UNAUTHENTICATED');
});

test('no frame brings what happens in another organization', async () => {
  const socket = await open(ours.owner, ours.organizationId);
  await subscribe(socket, 'customers');
  const heard: string[] = [];
  socket.onAny((...message: unknown[]) => heard.push(JSON.stringify(message)));
  await theirs.make.customer(theirs.owner.memberId);
  await ours.make.customer(ours.owner.memberId);
  await expect.poll(() => heard.some((text) => text.includes('Ours '))).toBe(true);
  await sleep(300);
  expect(heard.join()).not.toContain(canary);
});

async function open(who: Somebody | undefined, organization: string): Promise<Socket> {
  const token =
    who &&
    (await issueTokens(app, { userId: who.userId, organizationId: who.organizationId })).access;
  const socket = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    auth: { organization, protocol: protocolVersion },
    extraHeaders: token ? { authorization: `Bearer ${token}` } : {},
  });
  sockets.push(socket);
  return new Promise((resolve, reject) => {
    socket.once('welcome', () => resolve(socket));
    socket.once('connect_error', reject);
  });
}

function subscribe(
  socket: Socket,
  key: string,
): Promise<{ kind: 'rows' | 'refused'; text: string }> {
  return new Promise((resolve) => {
    socket.once('rows', (_: string, body: Uint8Array) =>
      resolve({ kind: 'rows', text: Buffer.from(body).toString() }),
    );
    socket.once('refused', () => resolve({ kind: 'refused', text: '' }));
    socket.emit('subscribe', { topics: [key], totals: [] });
  });
}

function totals(socket: Socket, key: string): Promise<unknown> {
  return new Promise((resolve) => {
    socket.once('totals', (_: string, entries: unknown) => resolve(entries));
    socket.once('refused', (_: string, code: string) => resolve(code));
    socket.emit('subscribe', { topics: [], totals: [key] });
  });
}

/** All packed ids of a list. */
function list(socket: Socket, key: string): Promise<string[] | string> {
  return new Promise((resolve) => {
    socket.once('ids', () => {
      socket.once('ids', (_: string, __: number, ids: string) =>
        resolve(ids.match(/.{22}/g) ?? []),
      );
      socket.emit('range', key, 0, 1_000);
    });
    socket.once('refused', (_: string, code: string) => resolve(code));
    socket.emit('subscribe', { topics: [], totals: [], lists: [key] });
  });
}

/** The key of a topic with something to find in an organization. */
async function keyOf(topic: TopicName, { make, owner, pipelineId }: Place): Promise<string> {
  const dealId = await make.deal(owner.memberId);
  const customerId = await make.customer(owner.memberId);
  await make.line(dealId);
  const { memberId } = owner;
  const values: Record<string, string> = {
    ...{ pipelineId, state: 'open', dealId, customerId, memberId },
    recordId: dealId,
  };
  const ids: Partial<Record<TopicName, string>> = { deal: dealId, customer: customerId };
  return [topic, ...topics[topic].by.map((column) => ids[topic] ?? values[column] ?? '')].join('/');
}
