import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Live } from '#lib/live/live.svelte.ts';
import { updateDeal } from '#lib/shared/deals.ts';
import { say } from '#tests/support/full.ts';
import { until } from '#tests/support/person.ts';
import { type Scene, type Screen, startScene } from './screens.ts';

const SOCKETS = 200;
let scene: Scene;
let boris: Screen;
let screens: Live[] = [];
let began = 0;

/** Many screens of one seller: what is taken from him has to leave each of them. */
beforeAll(async () => {
  scene = await startScene();
  boris = await scene.open('boris@demo.test');
  await openScreens(boris);
}, 60_000);
afterEach(() => {
  for (const live of screens) if (live.ended) live.stop();
});
afterAll(async () => {
  for (const live of screens) live.stop();
  await scene[Symbol.asyncDispose]();
});

async function openScreens({ me, token, pipelineId }: Screen): Promise<void> {
  const server = { origin: scene.server.url, headers: { authorization: `Bearer ${token}` } };
  screens = Array.from({ length: SOCKETS }, () => new Live({ organization: 'demo', me, server }));
  const subscriptions = screens.map((live) => {
    live.start();
    return live.subscribe('pipelineDeals', { pipelineId, state: 'open' });
  });
  await until('all see the deals', () => subscriptions.every(({ ready }) => ready), 50_000);
}

/** Until something holds on every screen; says how long it took from the statement that brought it on. */
async function everywhere(
  what: string,
  began: number,
  holds: (live: Live) => boolean,
): Promise<void> {
  const took: number[] = [];
  const left = new Set(screens);
  await until(what, () => {
    for (const live of left) {
      if (!holds(live)) continue;
      left.delete(live);
      took.push(performance.now() - began);
    }
    return left.size === 0;
  });
  const at = (share: number) => took[Math.floor((took.length - 1) * share)]?.toFixed(0);
  say(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms over ${SOCKETS} sockets`);
}

const refused = async (id: string) => {
  const outcome = await boris.live.change(updateDeal, { id, title: 'Not mine' }).done;
  return outcome.ok ? 'done' : outcome.error.code;
};
const mine = () => boris.live.rows('deals').all;

test('a record that is handed to another team leaves every screen, and is not his to write', async () => {
  const [deal] = mine();
  const id = deal?.id ?? '';
  began = performance.now();
  await scene.admin.query('update deals set owner_id = null, team_id = null where id = $1', [id]);
  const answer = refused(id);
  await everywhere('the record left', began, (live) => live.rows('deals').get(id) === undefined);
  expect(await answer).not.toBe('done');
});

test('a role that is narrowed empties every screen, and refuses writes', async () => {
  const [deal] = mine();
  began = performance.now();
  await scene.admin.query(
    `update roles set access = access || '{"deals": {}}' where id = (select role_id from members where id = $1)`,
    [boris.me.memberId],
  );
  const answer = refused(deal?.id ?? '');
  await everywhere('the rows left', began, (live) => live.rows('deals').size === 0);
  expect(await answer).not.toBe('done');
});

test('a member who is removed is cut off on every screen, and refused', async () => {
  began = performance.now();
  await scene.admin.query(
    `update roles set access = access || '{"deals": {"view": "all"}}' where id = (select role_id from members where id = $1)`,
    [boris.me.memberId],
  );
  await everywhere('the rows are back', began, (live) => live.rows('deals').size > 0);
  const [deal] = screens[0]?.rows('deals').all ?? [];
  const read = () => boris.live.api.call.deals.get.query({ id: deal?.id ?? '' });
  expect((await read()).id).toBe(deal?.id);
  began = performance.now();
  await scene.admin.query('update members set is_active = false where id = $1', [
    boris.me.memberId,
  ]);
  const answer = expect(read()).rejects.toThrow();
  await everywhere('the socket was ended', began, (live) => live.ended === 'removed');
  await answer;
});

test('a sign-in that is ended elsewhere cuts off every screen of it, and is refused', async () => {
  const vera = await scene.open('vera@demo.test');
  await openScreens(vera);
  began = performance.now();
  await scene.admin.query(
    `update platform.refresh_tokens set revoked_at = now()
     where user_id = (select user_id from members where id = $1)`,
    [vera.me.memberId],
  );
  const answer = expect(vera.live.api.call.deals.list.query({})).rejects.toThrow();
  await everywhere('the sign-in ended', began, (live) => live.ended === 'signedOut');
  await answer;
}, 60_000);
