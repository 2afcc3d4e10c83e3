import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createDeal, moveDeal, updateDeal } from '#lib/shared/deals.ts';
import { newId } from '#lib/shared/ids.ts';
import { until } from '#tests/support/person.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';
import { anyDealIn, atBoard, stageNamed, stageOf, type AtBoard } from './at-board.ts';

let server: TestServer;
let admin: pg.Client;
let anna: AtBoard;

beforeAll(async () => {
  server = await startServer({ demo: true });
  admin = new pg.Client({ connectionString: server.databaseUrl });
  await admin.connect();
  anna = await atBoard(server.url, 'anna@demo.test');
});
afterEach(() => beOnline(true));
afterAll(async () => {
  anna.leave();
  await admin.end();
  await server.stop();
});

/** What a browser says of its network. */
function beOnline(onLine: boolean): void {
  Object.defineProperty(navigator, 'onLine', { value: onLine, configurable: true });
}

/** The runs that the log has of a record, the newest first. */
async function runsOf(id: string): Promise<(string | null)[]> {
  const { rows } = await admin.query<{ run_id: string | null }>(
    `select distinct t.pos, t.run_id from sync.change_log l join sync.change_tx t on t.xid = l.xid and t.organization_id = l.organization_id
     where l.id = $1 order by t.pos desc`,
    [id],
  );
  return rows.map(({ run_id: run }) => run);
}

const move = (id: string, stage: { id: string }) =>
  anna.live.change(moveDeal, { id, stageId: stage.id });

test('the card is back at once, and the log has an undo that can be undone', async () => {
  const [from, to] = [stageNamed(anna, 'open', 0), stageNamed(anna, 'open', 1)];
  const { id } = anyDealIn(anna, from.id);
  await move(id, to).done;
  const undoing = anna.live.undoLast();
  expect(stageOf(anna, id)).toBe(from.id);
  expect(await undoing).toEqual({ undone: true, skipped: [] });
  const [run] = await runsOf(id);
  expect(run).toMatch(/^undo:\d+$/);
  const { rows } = await admin.query<{ pos: string }>(
    'select t.pos from sync.change_tx t where t.run_id = $1',
    [run],
  );
  await anna.live.api.call.undo.run.mutate({ position: Number(rows[0]?.pos) });
  await until('it is undone itself', () => stageOf(anna, id) === to.id);
});

test('what is not answered yet is undone behind its answer, in front of what comes after', async () => {
  const [from, to, on] = [0, 1, 2].map((at) => stageNamed(anna, 'open', at));
  if (!from || !to || !on) throw new Error('There are too few stages');
  const { id } = anyDealIn(anna, from.id);
  const moved = move(id, to);
  const undoing = anna.live.undoLast();
  expect(stageOf(anna, id)).toBe(from.id);
  const last = move(id, on);
  expect(await moved.done).toMatchObject({ ok: true });
  expect(await undoing).toMatchObject({ undone: true });
  await last.done;
  await until('nothing is pending', () => anna.live.unsent === 0);
  expect(stageOf(anna, id)).toBe(on.id);
  expect((await runsOf(id)).slice(0, 3)).toEqual([null, expect.stringMatching(/^undo:/), null]);
});

test('what others changed since stays and is named; the rest goes back', async () => {
  const maria = await atBoard(server.url, 'maria@demo.test');
  const deal = anyDealIn(anna, stageNamed(anna, 'open', 1).id);
  await anna.live.change(updateDeal, { id: deal.id, title: 'Mine', value: 4_200 }).done;
  await until('maria sees it', () => maria.live.rows('deals').get(deal.id)?.title === 'Mine');
  await maria.live.change(updateDeal, { id: deal.id, title: 'Hers' }).done;
  expect(await anna.live.undoLast()).toEqual({ undone: true, skipped: ['title'] });
  await until(
    'the value is back',
    () => anna.live.rows('deals').get(deal.id)?.value === deal.value,
  );
  expect(anna.live.rows('deals').get(deal.id)?.title).toBe('Hers');
  maria.leave();
});

test('without a line, what was not sent is as if it had not been made', async () => {
  const [from, to] = [stageNamed(anna, 'open', 0), stageNamed(anna, 'open', 1)];
  const { id } = anyDealIn(anna, from.id);
  const before = await runsOf(id);
  beOnline(false);
  move(id, to);
  expect(anna.live.unsent).toBe(1);
  expect(await anna.live.undoLast()).toEqual({ undone: true, skipped: [] });
  expect(anna.live.unsent).toBe(0);
  expect(stageOf(anna, id)).toBe(from.id);
  beOnline(true);
  await move(anyDealIn(anna, from.id).id, from).done;
  expect(await runsOf(id)).toEqual(before);
});

test('without a line, the undo of what was sent shows at once and is sent later', async () => {
  const [from, to] = [stageNamed(anna, 'open', 0), stageNamed(anna, 'open', 1)];
  const { id } = anyDealIn(anna, from.id);
  await move(id, to).done;
  beOnline(false);
  const undoing = anna.live.undoLast();
  expect(stageOf(anna, id)).toBe(from.id);
  expect(anna.live.unsent).toBe(1);
  beOnline(true);
  const awake = anna.live.change(updateDeal, { id, title: 'Awake' });
  expect(await undoing).toMatchObject({ undone: true });
  await awake.done;
  expect((await runsOf(id))[1]).toMatch(/^undo:/);
});

test('a record that later changes hang on is not just forgotten', async () => {
  const stage = stageNamed(anna, 'open', 0);
  const [id, place] = [newId(), { stageId: stage.id, pipelineId: stage.pipelineId }];
  beOnline(false);
  const made = anna.live.change(createDeal, {
    id,
    title: 'New',
    rank: 'a0',
    currency: 'EUR',
    ...place,
  });
  const titled = anna.live.change(updateDeal, { id, title: 'Newer' });
  const undoing = made.undo?.();
  beOnline(true);
  await anna.live.change(updateDeal, { id: anyDealIn(anna, stage.id).id, title: 'Awake' }).done;
  expect(await titled.done).toMatchObject({ ok: true });
  expect(await undoing).toEqual({ undone: false, skipped: ['title'] });
  expect(anna.live.rows('deals').get(id)?.title).toBe('Newer');
});

test('what altered nothing, or was refused, has no undo, and no other change is taken for it', async () => {
  const stage = stageNamed(anna, 'open', 0);
  const { id, title } = anyDealIn(anna, stage.id);
  await anna.live.change(updateDeal, { id: anyDealIn(anna, stage.id).id, title: 'Last' }).done;
  await anna.live.change(updateDeal, { id, title: anna.live.rows('deals').get(id)?.title ?? title })
    .done;
  expect(await anna.live.undoLast()).toEqual({ undone: false, skipped: [] });
  const nowhere = anna.live.change(moveDeal, { id, stageId: newId() });
  const undoing = anna.live.undoLast();
  expect(await nowhere.done).toMatchObject({ ok: false });
  expect(await undoing).toEqual({ undone: false, skipped: [] });
  expect(anna.live.tray.list.map(({ name }) => name)).toEqual(['deals.move']);
});
