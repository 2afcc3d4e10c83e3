import type { Plugin } from 'vite';

const ways = /engine\.io-client\/build\/esm\/transports\/index\.js$/;

/** The page speaks WebSocket alone: the other ways of engine.io-client are 3 KB that nobody would run. */
export const onlyWebSocket = (): Plugin => ({
  name: 'only-websocket',
  enforce: 'pre',
  load: (id) =>
    ways.test(id)
      ? `import { WS } from './websocket.node.js'; export const transports = { websocket: WS };`
      : undefined,
});
