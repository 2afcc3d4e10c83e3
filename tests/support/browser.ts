import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright';

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
export function openBrowser(): Promise<Browser> {
  const own = chromium.executablePath();
  const executablePath = existsSync(own) ? own : INSTALLED.find((file) => existsSync(file));
  return chromium.launch({ args: ARGS, ...(executablePath ? { executablePath } : {}) });
}
