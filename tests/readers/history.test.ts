import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import type { App } from '#server/app.ts';
import type { Member } from '#server/access.ts';
import { findMember } from '#server/auth/membership.ts';
import { historyRows, wholeHistory, type HistoryAsked, type HistoryRow } from '#server/history.ts';
import { read } from '#server/live/transaction.ts';
import { readBatch } from '#server/readers/batch.ts';
import { history } from '#server/readers/history.ts';
import { newDeal, startTeam, type Somebody } from '#tests/features/team.ts';
import { dice } from '#tests/support/dice.ts';

type Team = Awaited<ReturnType<typeof startTeam>>;

/** Pages through all of it. */
async function allOf(
  app: App,
  member: Member,
  asked: Partial<HistoryAsked> = {},
  rows: typeof historyRows = historyRows,
): Promise<HistoryRow[]> {
  const found: HistoryRow[] = [];
  for (;;) {
    const last = found.at(-1);
    const before = last ? `${last.pos}.${last.ord}` : undefined;
    const page = await read(app.pool, { organizationId: member.organizationId }, (tx) =>
      rows(tx, member, { limit: 7, before, ...asked }),
    );
    found.push(...page);
    if (page.length < 7) return found;
  }
}
const everything: typeof historyRows = (tx, _, asked) => wholeHistory(tx, asked);

async function memberOf(app: App, { userId, organizationId }: Somebody): Promise<Member> {
  const member = await findMember(app, { userId }, organizationId);
  if (!member) throw new Error('no member');
  return member;
}

interface Logged {
  pos: number;
  ord: number;
  entity: string;
  id: string;
  op: string;
  actor: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

const logOf = async (owner: Pool, organizationId: string): Promise<Logged[]> =>
  (
    await owner.query<Logged>(
      `select t.pos, l.ord, l.entity, l.id, l.op::text as op, t.actor, l.before, l.after
       from sync.change_tx t join sync.change_log l
         on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
       where t.organization_id = $1 order by t.pos desc, l.ord desc`,
      [organizationId],
    )
  ).rows;

/** Deals of five sellers in two teams that change hands, are changed and deleted, by all sorts of actors. */
async function scramble(team: Team, people: Somebody[]): Promise<void> {
  const { pool } = team.database.owner;
  const roll = dice(7);
  const board = await team.board();
  const organizationId = team.owner.organizationId;
  const ids: string[] = [];
  const one = <T>(list: T[]): T => list[roll(list.length)] as T;
  const act = async (statement: string, values: unknown[] = []) => {
    const client = await pool.connect();
    const actor = one([...people.map(({ memberId }) => memberId), 'importer', '']);
    try {
      await client.query(
        `begin; select set_config('app.organization_id', '${organizationId}', true), set_config('app.actor', '${actor}', true)`,
      );
      await client.query(statement, values);
      await client.query('commit');
    } finally {
      client.release();
    }
  };
  for (let step = 0; step < 90; step += 1) {
    const what = roll(10);
    if (ids.length < 4 || what < 2) {
      const id = newId();
      ids.push(id);
      await act(
        `insert into deals (organization_id, id, pipeline_id, stage_id, rank, title, currency, owner_id)
         values ($1, $2, $3, $4, 'a0', $5, 'USD', $6)`,
        [
          organizationId,
          id,
          board.pipelineId,
          board.stage('Lead'),
          `deal ${step}`,
          one(people).memberId,
        ],
      );
    } else if (what < 5)
      await act('update deals set owner_id = $2 where id = $1', [one(ids), one(people).memberId]);
    else if (what < 8)
      await act('update deals set title = $2, value = $3 where id = any ($1)', [
        [one(ids), one(ids)],
        `deal ${step}`,
        step,
      ]);
    else if (what < 9) await act('delete from deals where id = $1', [one(ids)]);
    else await act('update customers set name = name');
  }
}

/** The reader stands before all of it, in its midst, at its end: what is told must be the same. */
async function* everyState(team: Team): AsyncGenerator<string> {
  const { app, owner } = team;
  const place = { reader: history, organizationId: owner.organizationId };
  yield 'unread';
  await readBatch(app.pool, { ...place, most: 60 });
  yield 'half read';
  while ((await readBatch(app.pool, place)).state !== 'done');
  yield 'read';
}

async function salesTeam(): Promise<{ team: Team; people: Somebody[] }> {
  const team = await startTeam();
  const people = await Promise.all([team.join('sales', 'one'), team.join('sales', 'two')]);
  people.push(await team.join('sales', 'one'), await team.join('sales'), team.owner);
  await scramble(team, people);
  return { team, people };
}

test('the history says what the log says, before and after the log is read', async () => {
  const { team } = await salesTeam();
  await using _ = team;
  const { app, database, owner } = team;
  const member = await memberOf(app, owner);
  const logged = await logOf(database.owner.pool, owner.organizationId);
  const told = logged.map(({ pos, ord, entity, id, op, actor, before, after }) => {
    const changed = op === 'U' ? Object.entries(before ?? {}) : [];
    const changes = Object.fromEntries(changed.map(([name, was]) => [name, [was, after?.[name]]]));
    return { pos, ord, entity, id, op, actor, changes };
  });
  for await (const state of everyState(team)) {
    const rows = await allOf(app, member, {}, everything);
    const plain = rows.map(({ pos, ord, entity, id, op, actor, changes }) => {
      return { pos, ord, entity, id, op, actor, changes };
    });
    expect(plain, state).toEqual(told);
    const named = logged.filter(({ before, op }) => op === 'U' && before && 'owner_id' in before);
    expect(
      (await allOf(app, member, { field: 'owner_id' }, everything)).map(({ ord }) => ord),
      state,
    ).toEqual(named.map(({ ord }) => ord));
    const byOne = logged.filter(({ actor }) => actor === 'importer');
    expect(
      (await allOf(app, member, { actor: 'importer' }, everything)).map(({ ord }) => ord),
      state,
    ).toEqual(byOne.map(({ ord }) => ord));
  }
});

test('each sees the history of the records that he sees now, and of deleted ones by their last image', async () => {
  const { team, people } = await salesTeam();
  await using _ = team;
  const { app, database } = team;
  const logged = await logOf(database.owner.pool, team.owner.organizationId);
  const deals = logged.filter(({ entity }) => entity === 'deals');
  const lastOf = (id: string) => {
    const last = deals.find((row) => row.id === id);
    return last?.after ?? last?.before;
  };
  expect(new Set(deals.filter(({ op }) => op === 'D').map(({ id }) => id)).size).toBeGreaterThan(2);
  const members = await Promise.all(people.map((one) => memberOf(app, one)));
  for await (const state of everyState(team)) {
    for (const member of members) {
      const isMine = ({ id }: Logged) => {
        const last = lastOf(id);
        return (
          member.roleSlug === 'owner' ||
          last?.['owner_id'] === member.memberId ||
          (member.teamId !== null && last?.['team_id'] === member.teamId)
        );
      };
      const rows = await allOf(app, member, { entity: 'deals' });
      expect(
        rows.map(({ ord }) => ord),
        `${state} ${member.roleSlug} ${member.teamId}`,
      ).toEqual(deals.filter(isMine).map(({ ord }) => ord));
    }
  }
});

test('a right that ends ends for the past too, before the reader has heard of it', async () => {
  await using team = await startTeam();
  const { app, owner } = team;
  const seller = await team.join('sales', 'one');
  const other = await team.join('sales', 'two');
  const deal = await newDeal(await team.as(seller), await team.board(), { title: 'Secret plan' });
  const seen = async () =>
    (await allOf(app, await memberOf(app, seller), { entity: 'deals' })).map(({ op }) => op);
  while (
    (await readBatch(app.pool, { reader: history, organizationId: owner.organizationId })).state !==
    'done'
  );
  expect(await seen()).toEqual(['I']);
  await (await team.as(owner)).deals.update({ id: deal.id, ownerId: other.memberId });
  expect(await seen()).toEqual([]);
  await (await team.as(owner)).deals.delete({ id: deal.id });
  expect(await seen()).toEqual([]);
  const theirs = await allOf(app, await memberOf(app, other), { entity: 'deals' });
  expect(theirs.map(({ op }) => op)).toEqual(['D', 'U', 'I']);
});

test('of a record that was deleted twice the last image counts, read or not', async () => {
  await using team = await startTeam();
  const { app, owner } = team;
  const [first, second] = [await team.join('sales', 'one'), await team.join('sales', 'two')];
  const board = await team.board();
  const deal = await newDeal(await team.as(first), board);
  const place = { reader: history, organizationId: owner.organizationId };
  const seenBy = async (who: Somebody) =>
    (await allOf(app, await memberOf(app, who), { entity: 'deals' })).length;
  await (await team.as(owner)).deals.delete({ id: deal.id });
  while ((await readBatch(app.pool, place)).state !== 'done');
  expect([await seenBy(first), await seenBy(second)]).toEqual([2, 0]);
  await newDeal(await team.as(second), board, { id: deal.id });
  await (await team.as(owner)).deals.delete({ id: deal.id });
  expect([await seenBy(first), await seenBy(second)]).toEqual([0, 4]);
  while ((await readBatch(app.pool, place)).state !== 'done');
  expect([await seenBy(first), await seenBy(second)]).toEqual([0, 4]);
});

test('taken in again, the history stays as it is', async () => {
  const { team } = await salesTeam();
  await using _ = team;
  const { app, database, owner } = team;
  const whole = async () =>
    (await database.owner.pool.query('select * from sync.history order by pos, ord')).rows;
  for await (const __ of everyState(team));
  const before = await whole();
  expect(before.length).toBeGreaterThan(80);
  await database.owner.pool.query('update sync.reader_cursors set pos = 0');
  while (
    (await readBatch(app.pool, { reader: history, organizationId: owner.organizationId })).state !==
    'done'
  );
  expect(await whole()).toEqual(before);
});
