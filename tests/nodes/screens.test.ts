import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBalancer, type Balancer } from '#tests/support/balancer.ts';
import { openBrowser } from '#tests/support/browser.ts';
import { startNodes, type TestNodes } from '#tests/support/nodes.ts';
import { hasRedis, startRedis } from '#tests/support/redis.ts';
import { dragTo, lift, openBoard, type Screen } from '#tests/support/screen.ts';

const patient = { timeout: 20_000 };

describe.skipIf(!hasRedis)('two browsers before two nodes', () => {
  const used = new AsyncDisposableStack();
  let nodes: TestNodes;
  let balancer: Balancer;
  let browser: Browser;
  let anna: Screen;
  let boris: Screen;

  beforeAll(async () => {
    const redis = used.use(await startRedis());
    nodes = used.use(await startNodes({ redisPort: () => redis.port }));
    const ports = nodes.web.map(({ port }) => port);
    let asked = ports.slice(0, 1);
    balancer = used.use(await startBalancer(() => asked));
    browser = used.adopt(await openBrowser(), (one) => one.close());
    // Anna comes to the first node, where she can be moved to the second one; Boris is there.
    anna = await openBoard(browser, { url: balancer.url, email: 'anna@demo.test' });
    boris = await openBoard(browser, { url: nodes.web[1]?.url ?? '', email: 'boris@demo.test' });
    asked = ports;
  }, 120_000);
  afterAll(() => used.disposeAsync());

  const pillOf = ({ page }: Screen) => page.locator('[data-connection]').first();

  const faces = ({ page }: Screen) => page.locator('header .stack .av').count();

  test('a card that is carried before one node is seen carried before the other, and lands there', async () => {
    const [from = '', to = ''] = await anna.stages();
    const [id = ''] = await anna.cardsIn(from);
    await expect.poll(() => faces(boris), patient).toBe(2);
    await lift(anna.page, anna.card(id));
    await boris.page.locator(`[data-deal-id="${id}"].other`).waitFor(patient);
    await anna.page.keyboard.press('Escape');
    await anna.page.mouse.up();
    await expect.poll(() => boris.page.locator('.other').count(), patient).toBe(0);
    await dragTo(anna.page, anna.card(id), anna.column(to));
    await expect.poll(() => boris.cardsIn(to), patient).toContain(id);
  });

  test('when a node dies under a board, the board goes on before the other one', async () => {
    const [from = '', to = ''] = await anna.stages();
    const [id = ''] = await anna.cardsIn(from);
    await expect.poll(() => balancer.ready.length, patient).toBe(2);
    await nodes.web[0]?.kill();
    await dragTo(anna.page, anna.card(id), anna.column(to));
    await expect.poll(() => boris.cardsIn(to), patient).toContain(id);
    await expect.poll(() => pillOf(anna).getAttribute('data-connection'), patient).toBe('online');
    await expect.poll(() => pillOf(anna).getAttribute('data-unsent'), patient).toBe('0');
    await expect.poll(() => faces(boris), patient).toBe(2);
    expect(await boris.cardsIn(to)).toContain(id);
  });
});
