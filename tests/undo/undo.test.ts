import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import {
  newCustomer,
  newDeal,
  refusal,
  startTeam,
  type Board,
  type Calls,
} from '#tests/features/team.ts';

let team: Awaited<ReturnType<typeof startTeam>>;
let owner: Calls;
let board: Board;
beforeAll(async () => {
  team = await startTeam();
  owner = await team.as(team.owner);
  board = await team.board();
});
afterAll(() => team[Symbol.asyncDispose]());

const dealOf = (id: string) => owner.deals.get({ id });

test('an edit goes back field by field, and an undo of the undo brings it again', async () => {
  const { id } = await newDeal(owner, board, { title: 'First', value: 100_00 });
  const { position } = await owner.deals.update({ id, title: 'Second', value: 200_00 });
  const undone = await owner.undo.run({ position });
  expect(undone.data).toMatchObject({
    undone: [
      {
        entity: 'deals',
        id,
        action: 'changed',
        fields: expect.arrayContaining([
          { field: 'title', from: 'Second', to: 'First' },
          { field: 'value', from: 200_00, to: 100_00 },
        ]),
      },
    ],
    kept: [],
    nextCursor: null,
  });
  expect(await dealOf(id)).toMatchObject({ title: 'First', value: 100_00 });
  await owner.undo.run({ position: undone.position });
  expect(await dealOf(id)).toMatchObject({ title: 'Second', value: 200_00 });
});

test('what somebody else changed since stays, and is named with who and when', async () => {
  const { id } = await newDeal(owner, board, { title: 'First', value: 1_00 });
  const { position } = await owner.deals.update({ id, title: 'Second', value: 2_00 });
  const boris = await team.join('manager');
  await (await team.as(boris)).deals.update({ id, value: 3_00 });
  const { data } = await owner.undo.run({ position });
  expect(data.undone[0]?.fields).toEqual([{ field: 'title', from: 'Second', to: 'First' }]);
  expect(data.kept).toMatchObject([
    { entity: 'deals', id, field: 'value', reason: 'changed', by: { memberId: boris.memberId } },
  ]);
  expect(data.kept[0]?.at).toBeInstanceOf(Date);
  expect(await dealOf(id)).toMatchObject({ title: 'First', value: 3_00 });
});

test('a preview says the same as the undo does, and does nothing', async () => {
  const { id } = await newDeal(owner, board, { title: 'First' });
  const { position } = await owner.deals.update({ id, title: 'Second' });
  const preview = await owner.undo.preview({ position });
  expect(await dealOf(id)).toMatchObject({ title: 'Second' });
  expect((await owner.undo.run({ position })).data).toEqual(preview);
});

test('a deal that was won goes back to its place, its stage, its day there and its probability', async () => {
  const deal = await newDeal(owner, board, { rank: 'a5', value: 100_00 });
  await owner.deals.update({ id: deal.id, probability: 35 });
  const before = await dealOf(deal.id);
  const { position } = await owner.deals.markWon({ id: deal.id });
  expect(await dealOf(deal.id)).toMatchObject({ state: 'won', probability: 100 });
  const { data } = await owner.undo.run({ position });
  expect(data.kept).toEqual([]);
  const { rev: _, updatedAt: __, ...wanted } = before;
  expect(await dealOf(deal.id)).toMatchObject(wanted);
});

test('a stage does not go back under what was said of the closing since', async () => {
  const { id } = await newDeal(owner, board);
  const { position } = await owner.deals.markWon({ id });
  const boris = await team.join('manager');
  await (await team.as(boris)).deals.markWon({ id, closedOn: '2026-01-02' });
  const { data } = await owner.undo.run({ position });
  expect(data.undone).toEqual([]);
  expect(data.kept.map(({ field }) => field)).toContain('stageId');
  expect(await dealOf(id)).toMatchObject({ state: 'won' });
});

test('what was made is taken away, unless it was changed or something hangs on it', async () => {
  const make = async () => {
    const id = newId();
    return { id, ...(await owner.customers.create({ id, name: 'New' })) };
  };
  const fresh = await make();
  await owner.undo.run({ position: fresh.position });
  expect(await refusal(owner.customers.get({ id: fresh.id }))).toBe('NOT_FOUND');

  const changed = await make();
  await owner.customers.update({ id: changed.id, city: 'Omsk' });
  const kept = await owner.undo.run({ position: changed.position });
  expect(kept.data.kept).toMatchObject([{ reason: 'changed', field: 'city' }]);

  const used = await make();
  await newDeal(owner, board, { customerId: used.id });
  expect((await owner.undo.run({ position: used.position })).data.kept).toMatchObject([
    { id: used.id, reason: 'inUse' },
  ]);
  expect(await owner.customers.get({ id: used.id })).toMatchObject({ name: 'New' });
});

test('a deletion goes back with all that fell with it, and with what had pointed at it', async () => {
  const customer = await newCustomer(owner, { name: 'Acme', tags: ['big'] });
  const { id: dealId } = await newDeal(owner, board, { customerId: customer.id });
  await owner.activities.create({
    id: newId(),
    kind: 'call',
    title: 'Call',
    customerId: customer.id,
    dealId,
    dueAt: Date.UTC(2027, 0, 1),
  });
  await owner.deals.markWon({ id: dealId });
  const before = await dealOf(dealId);
  const { position } = await owner.customers.delete({ id: customer.id });
  expect(await dealOf(dealId)).toMatchObject({ customerId: null, nextActivityId: null });
  const { data } = await owner.undo.run({ position });
  expect(data.kept).toEqual([]);
  const { rev: _, updatedAt: __, ...wanted } = before;
  expect(await dealOf(dealId)).toMatchObject(wanted);
  expect(await owner.customers.get({ id: customer.id })).toMatchObject({ tags: ['big'] });
  expect((await owner.activities.list({ customerId: customer.id })).total).toBe(1);
});

test('what fell with a deletion goes back with it, whoever may see it', async () => {
  const seller = await team.as(await team.join('sales', 'North'));
  const { id: customerId } = await newCustomer(seller);
  const { id: dealId } = await newDeal(seller, board);
  const hidden = { ownerId: team.owner.memberId, kind: 'call', title: 'Hidden' } as const;
  const activityId = newId();
  await owner.activities.create({ ...hidden, id: activityId, dealId });
  const { id: otherDeal } = await newDeal(owner, board, {
    customerId,
    ownerId: team.owner.memberId,
  });
  await owner.deals.markWon({ id: otherDeal });
  expect(await refusal(seller.activities.get({ id: activityId }))).toBe('NOT_FOUND');
  expect(await refusal(seller.deals.get({ id: otherDeal }))).toBe('NOT_FOUND');
  for (const { position } of [
    await seller.deals.delete({ id: dealId }),
    await seller.customers.delete({ id: customerId }),
  ]) {
    const { data } = await seller.undo.run({ position });
    expect([data.undone.length, data.kept]).toEqual([1, []]);
  }
  expect(await owner.activities.get({ id: activityId })).toMatchObject({ dealId });
  expect(await dealOf(otherDeal)).toMatchObject({ customerId });
});

test('an act of the audit that stands beside a change is nothing to undo', async () => {
  const { organizationId } = team.owner;
  const { id } = await newCustomer(owner, { name: 'Before' });
  await team.database.owner.db.transaction().execute(async (tx) => {
    await sql`select set_config('app.organization_id', ${organizationId}, true)`.execute(tx);
    await tx
      .insertInto('sync.auditEvents')
      .values({ organizationId, kind: 'exported', about: '{}' })
      .execute();
    await tx.updateTable('customers').set({ name: 'After' }).where('id', '=', id).execute();
  });
  const { rows } = await team.database.owner.pool.query<{ pos: number }>(
    'select pos from sync.org_clock where organization_id = $1',
    [organizationId],
  );
  const { data } = await owner.undo.run({ position: rows[0]?.pos ?? 0 });
  expect(data).toMatchObject({ undone: [{ id, action: 'changed' }], kept: [] });
});

test('a change is as little for everybody to undo as it is to make', async () => {
  const north = await team.join('sales', 'North');
  const seller = await team.as(north);
  const mate = await team.as(await team.join('sales', 'North'));
  const other = await team.as(await team.join('sales', 'South'));
  const viewer = await team.as(await team.join('viewer'));
  const { id } = await newDeal(seller, board, { title: 'Mine' });
  const { position } = await seller.deals.update({ id, title: 'Still mine' });
  expect(await refusal(other.undo.run({ position }))).toBe('NOT_FOUND');
  expect(await refusal(other.undo.preview({ position }))).toBe('NOT_FOUND');
  expect(await refusal(viewer.undo.run({ position }))).toBe('FORBIDDEN: notYours');
  expect((await mate.undo.run({ position })).data.undone).toHaveLength(1);

  const removed = await seller.deals.delete({ id });
  expect(await refusal(mate.undo.run({ position: removed.position }))).toBe('FORBIDDEN: notYours');
  expect(await refusal(other.undo.run({ position: removed.position }))).toBe('NOT_FOUND');
  expect((await seller.undo.run({ position: removed.position })).data.undone).toMatchObject([
    { action: 'restored', id },
  ]);
});

test('nothing that the undoer does not see comes back into view', async () => {
  const north = await team.join('sales', 'North');
  const seller = await team.as(north);
  const hidden = await newCustomer(owner, { name: 'Hidden', ownerId: team.owner.memberId });
  const { id } = await newDeal(owner, board, { customerId: hidden.id, ownerId: north.memberId });
  const { position } = await owner.deals.update({ id, customerId: null });
  const { data } = await seller.undo.run({ position });
  expect(data).toMatchObject({ undone: [], kept: [{ field: 'customerId', reason: 'missing' }] });
  expect(JSON.stringify(data)).not.toContain('Hidden');
  expect(await dealOf(id)).toMatchObject({ customerId: null, customerName: null });
});

test('a run is undone page by page under one name, but for what others changed since', async () => {
  const { organizationId, memberId } = team.owner;
  const run = `import ${newId()}`;
  const ids = Array.from({ length: 1_100 }, newId);
  const rows = ids.map((id, at) => ({
    id,
    organizationId,
    ownerId: memberId,
    code: '',
    name: `Of the run ${at}`,
  }));
  for (const batch of [rows.slice(0, 700), rows.slice(700)])
    await team.database.owner.db.transaction().execute(async (tx) => {
      await sql`select set_config('app.run_id', ${run}, true)`.execute(tx);
      await tx.insertInto('customers').values(batch).execute();
    });
  const [changed = ''] = ids;
  await owner.customers.update({ id: changed, city: 'Omsk' });
  const taken = async (target: { run: string }) => {
    const pages = [];
    let cursor: string | undefined;
    do {
      const { data } = await owner.undo.run({ ...target, cursor });
      pages.push(data);
      cursor = data.nextCursor ?? undefined;
    } while (cursor);
    return pages;
  };
  const pages = await taken({ run });
  expect(pages.map(({ undone }) => undone.length)).toEqual([500, 500, 99]);
  expect(pages.flatMap(({ kept }) => kept)).toMatchObject([
    { id: changed, field: 'city', reason: 'changed' },
  ]);
  const count = async () =>
    (await owner.customers.list({ search: 'Of the run', perPage: 1 })).total;
  expect(await count()).toBe(1);

  // All pages have one name of their own, by which the undo is undone.
  const { rows: runs } = await team.database.owner.pool.query<{ run: string }>(
    `select distinct run_id as run from sync.change_tx where run_id like 'undo-run:import%'`,
  );
  expect(runs).toHaveLength(1);
  await taken({ run: runs[0]?.run ?? '' });
  expect(await count()).toBe(1_100);
}, 60_000);

test('no further page is named to who may see nothing on it, and nothing on it goes back', async () => {
  const { organizationId, memberId } = team.owner;
  const seller = await team.join('sales', 'North');
  const run = `import ${newId()}`;
  const rowsOf = (ownerId: string, many: number) =>
    Array.from({ length: many }, (_, at) => ({
      id: newId(),
      organizationId,
      ownerId,
      code: '',
      name: `Page ${run} ${at}`,
    }));
  for (const batch of [rowsOf(memberId, 700), rowsOf(seller.memberId, 30)])
    await team.database.owner.db.transaction().execute(async (tx) => {
      await sql`select set_config('app.run_id', ${run}, true)`.execute(tx);
      await tx.insertInto('customers').values(batch).execute();
    });
  const calls = await team.as(seller);
  const preview = await calls.undo.preview({ run });
  expect([preview.undone.length, preview.nextCursor]).toEqual([30, null]);
  const { data } = await calls.undo.run({ run });
  expect([data.undone.length, data.kept, data.nextCursor]).toEqual([30, [], null]);
  expect((await owner.customers.list({ search: `Page ${run}`, perPage: 1 })).total).toBe(700);
  const stranger = await team.as(await team.join('sales', 'South'));
  expect(await refusal(stranger.undo.run({ run }))).toBe('NOT_FOUND');
  expect((await owner.undo.preview({ run })).nextCursor).not.toBeNull();
}, 60_000);

test('a page of a run ends where it would end without what one may not see', async () => {
  const { organizationId, memberId } = team.owner;
  const seller = await team.join('sales', 'North');
  const run = `import ${newId()}`;
  const mixed = Array.from({ length: 1_200 }, (_, at) => ({
    id: newId(),
    organizationId,
    ownerId: at % 2 ? memberId : seller.memberId,
    code: '',
    name: `Mixed ${run} ${at}`,
  }));
  await team.database.owner.db.transaction().execute(async (tx) => {
    await sql`select set_config('app.run_id', ${run}, true)`.execute(tx);
    await tx.insertInto('customers').values(mixed).execute();
  });
  const calls = await team.as(seller);
  const first = (await calls.undo.run({ run })).data;
  const second = (await calls.undo.run({ run, cursor: first.nextCursor ?? '' })).data;
  expect([first, second].map(({ undone, kept }) => [undone.length, kept.length])).toEqual([
    [500, 0],
    [100, 0],
  ]);
  expect(second.nextCursor).toBeNull();
  expect((await owner.customers.list({ search: `Mixed ${run}`, perPage: 1 })).total).toBe(600);
}, 60_000);

test('of a record that was deleted out of one’s sight an undo tells nothing', async () => {
  const seller = await team.join('sales', 'North');
  const calls = await team.as(seller);
  const id = newId();
  await calls.customers.create({ id, name: 'Seen once' });
  const { position } = await calls.customers.update({ id, city: 'Omsk' });
  const away = await team.join('sales', 'South');
  await owner.customers.update({ id, ownerId: away.memberId });
  await owner.customers.delete({ id });
  expect(await refusal(calls.undo.preview({ position }))).toBe('NOT_FOUND');
  expect((await owner.undo.preview({ position })).kept).toHaveLength(1);
});

test('rights go back only where one may give them, and the last administrator stays', async () => {
  const admin = await team.as(await team.join('admin'));
  const manager = await team.as(await team.join('manager'));
  const seller = await team.join('sales');
  const { items: roles } = await owner.roles.list();
  const roleId = (slug: string) => roles.find((one) => one.slug === slug)?.id ?? '';
  const made = await owner.members.update({ id: seller.memberId, roleId: roleId('owner') });
  expect(await refusal(manager.undo.run({ position: made.position }))).toBe('FORBIDDEN: notYours');
  // Owners are made, and unmade, by owners.
  expect((await admin.undo.run({ position: made.position })).data).toMatchObject({
    undone: [],
    kept: [{ entity: 'members', reason: 'rule' }],
  });
  expect((await owner.undo.run({ position: made.position })).data.undone).toHaveLength(1);

  const { pool } = team.database.owner;
  const wasAdministrator = async (roleSlug: string) => {
    const { rows } = await pool.query(
      `update members set role_id = (select id from roles r where r.organization_id = members.organization_id and r.slug = $2)
       where id <> $1 and role_id in (select id from roles where slug in ('owner', 'admin')) returning id`,
      [seller.memberId, roleSlug],
    );
    return rows.length;
  };
  // The seller becomes the only owner; the way back would leave nobody.
  const last = await owner.members.update({ id: seller.memberId, roleId: roleId('owner') });
  expect(await wasAdministrator('manager')).toBeGreaterThan(1);
  const only = await team.as(seller);
  expect((await only.undo.run({ position: last.position })).data).toMatchObject({
    undone: [],
    kept: [{ id: seller.memberId, reason: 'rule' }],
  });
  const { rows } = await pool.query('select role_id from members where id = $1', [seller.memberId]);
  expect(rows).toEqual([{ role_id: roleId('owner') }]);
});

test('what must not be undone is not there to be undone', async () => {
  const { rows } = await team.database.owner.pool.query<{ id: string }>(
    `select id from roles where organization_id = $1 and slug = 'sales'`,
    [team.owner.organizationId],
  );
  const calls = await team.as(await team.join('viewer'));
  expect(await refusal(calls.undo.preview({ position: 1 }))).toBe('FORBIDDEN: notYours');
  expect(await refusal(owner.undo.run({ position: 999_999 }))).toBe('NOT_FOUND');
  expect(await refusal(owner.undo.run({}))).toContain('BAD_INPUT');
  expect(await refusal(owner.undo.run({ position: 1, run: 'import' }))).toContain('BAD_INPUT');
  expect(rows).toHaveLength(1);
});
