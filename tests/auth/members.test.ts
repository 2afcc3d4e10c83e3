import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '#server/app.ts';
import { acceptInvitation, signUpByInvitation } from '#server/auth/accept-invitation.ts';
import { findMember } from '#server/auth/membership.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { as, newOwner, newPerson, password, roleIdOf, slugsOf, startParts } from './people.ts';

type Owner = Awaited<ReturnType<typeof newOwner>>;
let app: App;
let database: TestDatabase;
beforeAll(async () => ({ app, database } = await startParts()));
afterAll(() => database.drop());

const account = { name: 'Guest', password, locale: 'en' as const, ip: '198.51.100.9' };

async function invite(
  owner: Owner,
  role: string,
  more: { email?: string; memberId?: string } = {},
) {
  const caller = await as(app, owner);
  const roleId = await roleIdOf(app, owner, role);
  const { data } = await caller.invitations.create({ roleId, ...more });
  return data.path.replace('/invite/', '');
}

/** Somebody taken into the owner's organization under a role. */
async function colleague(owner: Owner, role: string, email: string) {
  const person = await newPerson(app, email);
  const token = await invite(owner, role);
  const { memberId } = await acceptInvitation(app, { token, person });
  return { ...person, memberId, organizationId: owner.organizationId };
}

test('whoever opens the link of an invitation joins under its role', async () => {
  const ann = await newOwner(app);
  const token = await invite(ann, 'sales');
  const email = 'invited@example.test';
  const { userId, slug } = await signUpByInvitation(app, { token, email, ...account });
  expect(slug).toBe(ann.slug);
  expect(await slugsOf(app, userId)).toEqual(['sales']);
});

test('the link is stored nowhere', async () => {
  const ann = await newOwner(app);
  const token = await invite(ann, 'sales');
  const { rows } = await database.owner.pool.query<{ all: string }>(
    `select string_agg(t, ' ') as all from (
       select i::text as t from crm.invitations i union all
       select l::text from sync.change_log l union all select m::text from sync.mutations m) x`,
  );
  expect(rows[0]?.all).not.toContain(token);
  expect(rows[0]?.all).not.toContain(Buffer.from(token).toString('hex'));
});

test('an invitation takes in one person, even when two accept it at once', async () => {
  const ann = await newOwner(app);
  const token = await invite(ann, 'sales');
  const people = await Promise.all(
    Array.from({ length: 6 }, (_, index) => newPerson(app, `racer${index}@example.test`)),
  );
  const answers = await Promise.allSettled(
    people.map((person) => acceptInvitation(app, { token, person })),
  );
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const winner = people[answers.findIndex(({ status }) => status === 'fulfilled')];
  expect(await slugsOf(app, winner?.userId ?? '')).toEqual(['sales']);
});

test('accepting twice by the same person is the same membership', async () => {
  const ann = await newOwner(app);
  const token = await invite(ann, 'sales');
  const person = await newPerson(app, 'twice@example.test');
  const both = await Promise.all([
    acceptInvitation(app, { token, person }),
    acceptInvitation(app, { token, person }),
  ]);
  expect(both[0]).toEqual(both[1]);
  expect(await slugsOf(app, person.userId)).toEqual(['sales']);
});

test('an invitation for one address is not for another', async () => {
  const ann = await newOwner(app);
  const token = await invite(ann, 'sales', { email: 'meant@example.test' });
  const other = await newPerson(app, 'other@example.test');
  await expect(acceptInvitation(app, { token, person: other })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  const meant = await newPerson(app, 'meant@example.test');
  await acceptInvitation(app, { token, person: meant });
  expect(await slugsOf(app, meant.userId)).toEqual(['sales']);
});

test('an unknown, expired or revoked link takes nobody in', async () => {
  const ann = await newOwner(app);
  const person = await newPerson(app, 'late@example.test');
  await expect(acceptInvitation(app, { token: 'no such', person })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  const expired = await invite(ann, 'sales');
  await database.owner.pool.query(
    `update crm.invitations set expires_at = now() - interval '1 second'`,
  );
  await expect(acceptInvitation(app, { token: expired, person })).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  const revoked = await invite(ann, 'sales');
  const caller = await as(app, ann);
  const [open] = await caller.invitations.list();
  await caller.invitations.revoke({ id: open?.id ?? '' });
  await expect(acceptInvitation(app, { token: revoked, person })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect(await slugsOf(app, person.userId)).toEqual([]);
});

test('a member without an account keeps everything when an invitation links one', async () => {
  const ann = await newOwner(app);
  const caller = await as(app, ann);
  const roleId = await roleIdOf(app, ann, 'sales');
  const { data: seller } = await caller.members.create({ name: 'Imported Seller', roleId });
  expect(seller.hasAccount).toBe(false);
  const token = await invite(ann, 'manager', { memberId: seller.id });
  const person = await newPerson(app, 'seller@example.test');
  const { memberId } = await acceptInvitation(app, { token, person });
  expect(memberId).toBe(seller.id);
  const linked = await caller.members.get({ id: seller.id });
  expect(linked).toMatchObject({ name: 'Imported Seller', hasAccount: true, role: 'manager' });
});

test('a member who is shut out has no access from that moment', async () => {
  const ann = await newOwner(app);
  const bob = await colleague(ann, 'sales', 'shutout@example.test');
  const look = () => findMember(app, { userId: bob.userId }, ann.slug);
  expect(await look()).toBeDefined();
  await (await as(app, ann)).members.update({ id: bob.memberId, isActive: false });
  expect(await look()).toBeUndefined();
});

test('the last administrator cannot leave, change role or be shut out', async () => {
  const ann = await newOwner(app);
  await colleague(ann, 'manager', 'manager1@example.test');
  const caller = await as(app, ann);
  const id = ann.memberId;
  const roleId = await roleIdOf(app, ann, 'sales');
  for (const change of [{ isActive: false }, { roleId }]) {
    await expect(caller.members.update({ id, ...change })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  }
  expect(await slugsOf(app, ann.userId)).toEqual(['owner']);
});

test('two administrators who shut each other out at once leave one', async () => {
  for (let round = 0; round < 5; round += 1) {
    const ann = await newOwner(app);
    const bob = await colleague(ann, 'owner', `duel${round}@example.test`);
    const [asAnn, asBob] = [await as(app, ann), await as(app, bob)];
    const answers = await Promise.allSettled([
      asAnn.members.update({ id: bob.memberId, isActive: false }),
      asBob.members.update({ id: ann.memberId, isActive: false }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const left = [...(await slugsOf(app, ann.userId)), ...(await slugsOf(app, bob.userId))];
    expect(left).toEqual(['owner']);
  }
});

test('nobody gives rights beyond their own', async () => {
  const ann = await newOwner(app);
  const owners = await as(app, ann);
  const { data: role } = await owners.roles.create({
    name: 'People',
    access: { directory: { view: 'all' }, members: { manage: 'all' }, roles: { manage: 'all' } },
  });
  const bob = await colleague(ann, 'viewer', 'people@example.test');
  await owners.members.update({ id: bob.memberId, roleId: role.id });
  const asBob = await as(app, bob);
  const adminId = await roleIdOf(app, ann, 'admin');
  const managerId = await roleIdOf(app, ann, 'manager');
  const attempts = [
    asBob.members.update({ id: bob.memberId, roleId: adminId }),
    asBob.members.update({ id: ann.memberId, isActive: false }),
    asBob.invitations.create({ roleId: adminId }),
    asBob.members.create({ name: 'Puppet', roleId: managerId }),
    asBob.roles.update({ id: role.id, access: { deals: { delete: 'all' } } }),
    asBob.roles.assignPermission({ id: role.id, permission: 'deals.edit', level: 'own' }),
    asBob.roles.create({ name: 'More', access: { organization: { manage: 'all' } } }),
  ];
  for (const answer of await Promise.allSettled(attempts)) {
    expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'FORBIDDEN' } });
  }
});

test('an administrator cannot make an owner, nor undo one', async () => {
  const ann = await newOwner(app);
  const bob = await colleague(ann, 'admin', 'plainadmin@example.test');
  const asBob = await as(app, bob);
  const ownerId = await roleIdOf(app, ann, 'owner');
  await expect(asBob.members.update({ id: bob.memberId, roleId: ownerId })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  await expect(asBob.members.update({ id: ann.memberId, isActive: false })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
});

test('the roles of administrators are fixed, and a role that is held is not removed', async () => {
  const ann = await newOwner(app);
  const caller = await as(app, ann);
  const adminId = await roleIdOf(app, ann, 'admin');
  await expect(caller.roles.update({ id: adminId, access: {} })).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  const { data: role } = await caller.roles.create({ name: 'Интерн' });
  const bob = await colleague(ann, 'viewer', 'intern@example.test');
  await caller.members.update({ id: bob.memberId, roleId: role.id });
  await expect(caller.roles.remove({ id: role.id })).rejects.toMatchObject({ code: 'CONFLICT' });
  const viewerId = await roleIdOf(app, ann, 'viewer');
  await caller.members.update({ id: bob.memberId, roleId: viewerId });
  await caller.roles.remove({ id: role.id });
  await expect(caller.roles.remove({ id: viewerId })).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a stranger reaches nothing of an organization', async () => {
  const ann = await newOwner(app);
  const eve = await newOwner(app, 'Eve');
  const asEve = await as(app, eve);
  const roleId = await roleIdOf(app, eve, 'sales');
  const teamless = { id: ann.memberId, roleId };
  await expect(asEve.members.update(teamless)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(asEve.members.get({ id: ann.memberId })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  const foreignRole = await roleIdOf(app, ann, 'sales');
  await expect(asEve.invitations.create({ roleId: foreignRole })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  const intruding = await as(app, { userId: eve.userId, organizationId: ann.organizationId });
  await expect(intruding.members.list({})).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a team that is removed leaves its members without one', async () => {
  const ann = await newOwner(app);
  const caller = await as(app, ann);
  const { data: team } = await caller.teams.create({ name: 'Север' });
  await caller.members.update({ id: ann.memberId, teamId: team.id });
  await caller.teams.remove({ id: team.id });
  expect(await caller.members.get({ id: ann.memberId })).toMatchObject({ teamId: null });
});
