import type { Page } from 'playwright';
import { openBrowser } from '#tests/support/browser.ts';
import type { Ground } from './ground.ts';
import type { Line } from './report.ts';
import { percentile } from './statistics.ts';

const drags = 12;
const steps = 60;

/** What the browser saw of itself: milliseconds of each interaction and of each frame of the drags. */
interface Seen {
  interactions: Record<string, number>;
  frames: number[];
}

/** A card carried over a board of 400 cards, with the processor as it is and a quarter as fast. */
export async function drag({ ours }: Ground, { isQuick }: { isQuick: boolean }): Promise<Line[]> {
  const origin = `http://127.0.0.1:${ours.port}`;
  const browser = await openBrowser();
  const lines: Line[] = [];
  try {
    for (const slowness of isQuick ? [1] : [1, 4]) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
      const [name = '', value = ''] = (ours.people[0] ?? '').split('=');
      await context.addCookies([{ name, value, url: origin }]);
      const page = await context.newPage();
      await page.addInitScript(watch);
      await page.goto(`${origin}/o/${ours.organization}/deals?pipeline=${ours.board.pipelineId}`);
      const cards = await showAll(page);
      // What has been clicked so far is no part of a drag.
      await page.waitForTimeout(500);
      await page.evaluate(() => ((window as unknown as { seen: Seen }).seen.interactions = {}));
      const line = await context.newCDPSession(page);
      await line.send('Emulation.setCPUThrottlingRate', { rate: slowness });
      for (let n = 0; n < drags; n += 1) await carry(page, n);
      const seen = await page.evaluate(() => (window as unknown as { seen: Seen }).seen);
      lines.push(...linesOf(seen, { cards, slowness }));
      await context.close();
    }
    return lines;
  } finally {
    await browser.close();
  }
}

async function showAll(page: Page): Promise<number> {
  await page.locator('[data-deal-id]').first().waitFor();
  const columns = page.locator('section[data-stage-id]:has(.cards)');
  for (const column of await columns.all())
    await column.locator('.tail button.quick').first().click();
  return page.locator('[data-deal-id]').count();
}

/** From one column to the next, there and back over the whole board on the way. */
async function carry(page: Page, n: number): Promise<void> {
  const columns = page.locator('section[data-stage-id]:has(.cards)');
  const from = columns.nth(n % 4);
  await from.locator('.cards').evaluate((list) => (list.scrollTop = 0));
  const box = await from.locator('[data-deal-id]').nth(1).boundingBox();
  if (!box) throw new Error('There is no card to carry');
  const [x, y] = [box.x + box.width / 2, box.y + 20];
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let step = 1; step <= steps; step += 1) {
    const turn = (step / steps) * Math.PI * 2;
    await page.mouse.move(720 + 420 * Math.sin(turn), 480 + 180 * Math.cos(turn));
  }
  if (!(await page.locator('.lift').isVisible())) throw new Error('The card was not lifted');
  await page.mouse.up();
  await page.locator('.lift').waitFor({ state: 'detached' });
}

/** Runs in the page, before its own scripts. */
function watch(): void {
  const seen: Seen = { interactions: {}, frames: [] };
  Object.assign(window, { seen });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as PerformanceEventTiming[]) {
      const { interactionId } = entry as PerformanceEventTiming & { interactionId: number };
      if (!interactionId) continue;
      const known = seen.interactions[interactionId] ?? 0;
      seen.interactions[interactionId] = Math.max(known, entry.duration);
    }
  }).observe({ type: 'event', durationThreshold: 16, buffered: true } as PerformanceObserverInit);
  let last = 0;
  const frame = (now: number): void => {
    const isCarrying = document.querySelector('.lift') !== null;
    if (isCarrying && last > 0) seen.frames.push(now - last);
    last = isCarrying ? now : 0;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function linesOf(
  { interactions, frames }: Seen,
  { cards, slowness }: { cards: number; slowness: number },
): Line[] {
  const where = `${cards} cards${slowness > 1 ? `, processor ${slowness} x slower` : ''}`;
  const all = Object.values(interactions);
  const inp = percentile(all, 0.98);
  const long = frames.filter((ms) => ms > 50).length;
  const veryLong = frames.filter((ms) => ms > 100).length;
  const longest = Math.max(0, ...frames);
  const common = { floor: '', ratio: '' };
  return [
    {
      ...common,
      what: `interaction to next paint, p98, ${where}`,
      ours: `${inp.toFixed(0)} ms`,
      goal: '200 ms',
      isMet: all.length > 0 && inp <= 200,
      detail: `${all.length} interactions of 16 ms or more`,
    },
    {
      ...common,
      what: `frames of a drag over 100 ms, ${where}`,
      ours: String(veryLong),
      goal: '0',
      isMet: frames.length > 0 && veryLong === 0,
      detail: `${long} over 50 ms of ${frames.length}, the longest ${longest.toFixed(0)} ms`,
    },
  ];
}
