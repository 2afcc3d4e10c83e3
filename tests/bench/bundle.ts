import { gzipSync } from 'node:zlib';
import type { BrowserContext } from 'playwright';
import { openBrowser } from '#tests/support/browser.ts';
import { engineSize } from './engine-size.ts';
import type { Ground } from './ground.ts';
import type { Line } from './report.ts';

/** JavaScript that a first visit fetches, each file gzipped. */
export async function bundle({ ours }: Ground): Promise<Line[]> {
  const origin = `http://127.0.0.1:${ours.port}`;
  const browser = await openBrowser();
  try {
    const stranger = await browser.newContext();
    const signIn = await scriptsOf(stranger, `${origin}/sign-in`);
    const anna = await browser.newContext();
    const [name = '', value = ''] = (ours.people[0] ?? '').split('=');
    await anna.addCookies([{ name, value, url: origin }]);
    const board = await scriptsOf(anna, `${origin}/o/${ours.organization}/deals`);
    return [lineOf('sign-in page', signIn, 80), lineOf('board', board, 170), await engineSize()];
  } finally {
    await browser.close();
  }
}

function lineOf(page: string, { kilobytes, files, status }: Fetched, goal: number): Line {
  return {
    what: `first JavaScript of the ${page}`,
    ours: `${kilobytes.toFixed(1)} KB`,
    floor: '',
    ratio: '',
    goal: `${goal} KB`,
    isMet: status === 200 && files > 0 && kilobytes <= goal,
    detail: status === 200 ? `${files} files, gzip` : `the page answered ${status}`,
  };
}

interface Fetched {
  kilobytes: number;
  files: number;
  status: number;
}

async function scriptsOf(context: BrowserContext, address: string): Promise<Fetched> {
  const page = await context.newPage();
  const scripts: Promise<Buffer>[] = [];
  page.on('response', (response) => {
    const type = response.headers()['content-type'] ?? '';
    if (type.includes('javascript') && response.ok()) scripts.push(response.body());
  });
  const answer = await page.goto(address, { waitUntil: 'load' });
  await page.waitForTimeout(2_000);
  const bodies = await Promise.all(scripts);
  await page.close();
  const bytes = bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0);
  return { kilobytes: bytes / 1000, files: bodies.length, status: answer?.status() ?? 0 };
}
