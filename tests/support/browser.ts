import { existsSync } from 'node:fs';
import { readlink, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { type Browser, type BrowserContext, chromium, type LaunchOptions } from 'playwright';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** Playwright's own Chromium where it is installed, else the machine's. The caller closes it. */
export const openBrowser = (): Promise<Browser> => chromium.launch(program());

/** A browser that keeps what it has in a folder; `kill` ends it as kill -9 does. */
export async function openProfile(
  folder: string,
): Promise<{ context: BrowserContext; kill(): Promise<void> }> {
  const context = await chromium.launchPersistentContext(folder, { ...program(), locale: 'ru-RU' });
  const kill = async () => {
    const closed = new Promise((resolve) => context.once('close', resolve));
    process.kill(
      Number((await readlink(path.join(folder, 'SingletonLock'))).split('-').pop()),
      'SIGKILL',
    );
    await closed;
    await rm(path.join(folder, 'SingletonLock'), { force: true });
  };
  return { context, kill };
}

function program(): LaunchOptions {
  const own = chromium.executablePath();
  const executablePath = existsSync(own) ? own : INSTALLED.find((file) => existsSync(file));
  return { args: ARGS, ...(executablePath ? { executablePath } : {}) };
}
