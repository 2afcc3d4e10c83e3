import { Channel } from './browser.ts';
import type { Timer } from './clock.ts';
import { here } from './here.ts';

/** A timer as programs hold it. */
class Handle {
  timer: Timer | undefined;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

function later(run: (...args: unknown[]) => void, delay = 0, ...args: unknown[]): Handle {
  const handle = new Handle();
  handle.timer = here.clock.after(delay, () => run(...args));
  return handle;
}

function again(run: (...args: unknown[]) => void, delay = 0, ...args: unknown[]): Handle {
  const handle = new Handle();
  const turn = (): void => {
    handle.timer = here.clock.after(delay, turn);
    run(...args);
  };
  handle.timer = here.clock.after(delay, turn);
  return handle;
}

const cancel = (handle: unknown): void => {
  if (handle instanceof Handle) handle.timer?.cancel();
};

/** Time, chance and the browser's globals, for the whole process: nothing here runs outside of a run. */
export function takeOverGlobals(): void {
  const start = 1_800_000_000_000;
  const globals: Record<string, unknown> = {
    setTimeout: later,
    clearTimeout: cancel,
    setInterval: again,
    clearInterval: cancel,
    fetch: (url: string, init: RequestInit) => here.network.fetch(url, init),
    document: {},
    indexedDB: {},
    BroadcastChannel: Channel,
    addEventListener: (name: string, run: () => void) => here.browserOf?.()?.listen(name, run),
  };
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    get: () => here.browserOf?.()?.navigator ?? {},
  });
  Date.now = () => Math.floor(here.clock.now);
  Math.random = () => here.chance.next();
  performance.now = () => here.clock.now - start;
  Object.defineProperty(crypto, 'randomUUID', { value: () => here.chance.uuid() });
}
