import { afterAll, beforeAll, expect, test } from 'vitest';
import { updateDeal } from '#lib/shared/deals.ts';
import { until } from '#tests/support/person.ts';
import { type Scene, type Screen, startScene } from './screens.ts';

let scene: Scene;
let anna: Screen;
let vera: Screen;
/** In another organization. */
let other: Screen;
let deals: string[];
let others: string[];

beforeAll(async () => {
  scene = await startScene();
  [anna, vera, other] = await Promise.all([
    scene.open('anna@demo.test'),
    scene.open('vera@demo.test'),
    scene.open('anna@demo.test', { organization: 'nordlicht' }),
  ]);
  [deals, others] = await Promise.all([scene.deals(), scene.deals('nordlicht')]);
});
afterAll(() => scene[Symbol.asyncDispose]());

const rename = (who: Screen, id: string, title: string) =>
  who.live.change(updateDeal, { id, title }).done;

/** One transaction that changes a deal, and whose trace in the log is then spoiled. */
async function poison(title: string, spoil: string): Promise<void> {
  await scene.admin.query('begin');
  await scene.admin.query('update deals set title = $2 where id = $1', [deals[0], title]);
  await scene.admin.query(spoil);
  await scene.admin.query('commit');
}

const written = `xid = pg_current_xact_id() and entity = 'deals'`;

test.each([
  ['whose image is no object', `update sync.change_log set before = '5' where ${written}`],
  [
    'with an image that is a list',
    `update sync.change_log set after = '[1]', before = '"x"' where ${written}`,
  ],
  [
    'that is not there, though its transaction is',
    `set constraints all immediate; delete from sync.change_log where ${written}`,
  ],
])('a row of the log %s is passed by; everybody has the truth', async (what, spoil) => {
  await poison(`Poisoned: ${what}`, spoil);
  for (const who of [anna, vera])
    await until('its row is true', () => who.title(deals[0] ?? '') === `Poisoned: ${what}`);
  expect(await rename(anna, deals[1] ?? '', `After ${what}`)).toMatchObject({ ok: true });
  await until('others see it', () => vera.title(deals[1] ?? '') === `After ${what}`);
  expect(await rename(other, others[0] ?? '', `Unharmed by one ${what}`)).toMatchObject({
    ok: true,
  });
  await until('nothing is pending', () => anna.live.unsent + other.live.unsent === 0);
  expect(scene.server.output()).toContain('cannot be read');
  expect((await fetch(`${scene.server.url}/readyz`)).status).toBe(200);
  expect([anna, vera, other].map(({ live }) => live.connection)).toEqual(
    Array.from({ length: 3 }, () => 'online'),
  );
});
