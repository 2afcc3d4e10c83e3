import { afterAll, beforeAll, expect, test } from 'vitest';
import { updateDeal } from '#lib/shared/deals.ts';
import { Recorder } from '#tests/nodes/recorder.ts';
import { isFull, say } from '#tests/support/full.ts';
import { until } from '#tests/support/person.ts';
import { type Proxy, startProxy } from '#tests/support/proxy.ts';
import { type Scene, type Screen, startScene } from './screens.ts';

const SOCKETS = isFull ? 1_000 : 300;
let scene: Scene;
let proxy: Proxy;
let anna: Screen;
let vera: Screen;
let deals: string[];

beforeAll(async () => {
  scene = await startScene();
  proxy = await startProxy(() => scene.server.port);
  [anna, vera] = await Promise.all([scene.open('anna@demo.test'), scene.open('vera@demo.test')]);
  deals = await scene.deals();
});
afterAll(async () => {
  await proxy.close();
  await scene[Symbol.asyncDispose]();
});

const behindProxy = () => `http://127.0.0.1:${proxy.port}`;

async function rename(title: string): Promise<void> {
  const { done } = anna.live.change(updateDeal, { id: deals[0] ?? '', title });
  expect(await done).toMatchObject({ ok: true });
  await until('the other sees it', () => vera.title(deals[0] ?? '') === title);
}

async function metric(name: string): Promise<number> {
  const metrics = await (await fetch(`${scene.server.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1]);
}

test(`${SOCKETS} sockets that lose their line at once are all current soon after`, async () => {
  proxy.heal();
  const { token, pipelineId } = anna;
  const recorders: Recorder[] = [];
  while (recorders.length < SOCKETS) {
    for (let n = 0; n < 50; n += 1)
      recorders.push(new Recorder({ url: behindProxy(), token, pipelineId }));
    await until('they have begun', () => recorders.every(({ starts }) => starts === 1), 30_000);
  }
  proxy.cut();
  for (const title of ['Missed', 'Missed too', 'Missed by all']) await rename(title);
  const goal = anna.live.position;
  const began = performance.now();
  proxy.heal();
  await until('all are current', () => recorders.every(({ position }) => position >= goal), 40_000);
  const took = performance.now() - began;
  say(`${SOCKETS} sockets were current ${took.toFixed(0)} ms after the line was back`);
  const sum = (of: (one: Recorder) => number) => recorders.reduce((all, one) => all + of(one), 0);
  expect(recorders.flatMap(({ gaps }) => gaps)).toEqual([]);
  expect([sum(({ starts }) => starts), sum(({ resumes }) => resumes)]).toEqual([SOCKETS, SOCKETS]);
  for (const { versions } of recorders)
    expect(versions.get(deals[0] ?? '')).toEqual(recorders[0]?.versions.get(deals[0] ?? ''));
  for (const recorder of recorders) recorder.stop();
}, 100_000);

test.each([
  ['reads a kilobyte a second', () => proxy.slow(1_000)],
  ['is half open', () => proxy.deafen()],
  ['is in a black hole', () => proxy.hang()],
])(
  'one whose line %s is let go; the others go on, and it is right when healed',
  async (what, spoil) => {
    proxy.heal();
    const far = await scene.open('maria@demo.test', { url: behindProxy() });
    const before = await metric('live_sockets');
    spoil();
    const memory = await metric('process_resident_memory_bytes');
    // More than its line takes in the whole test, and than the server keeps for somebody in patience.
    for (let round = 0; round < 40; round += 1) {
      await scene.admin.query(
        `update deals set description = repeat(md5($1::text), 600) where id = any($2)`,
        [`${what} ${round}`, deals.slice(0, 5)],
      );
      if (round % 10 === 0) await rename(`${what}, round ${round}`);
    }
    while ((await metric('live_sockets')) >= before) await rename(`${what}, still`);
    await rename(`${what}, at last`);
    expect((await metric('process_resident_memory_bytes')) - memory).toBeLessThan(200 * 2 ** 20);
    expect([anna, vera].map(({ live }) => live.connection)).toEqual(['online', 'online']);
    proxy.heal();
    await until(
      'it is right',
      () => far.live.connection === 'online' && far.title(deals[0] ?? '') === `${what}, at last`,
      30_000,
    );
    expect(far.live.rows('deals').size).toBe(anna.live.rows('deals').size);
    far.leave();
  },
  60_000,
);
