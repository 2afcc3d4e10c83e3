import { fileURLToPath } from 'node:url';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';
import { onlyWebSocket } from './scripts/only-websocket.ts';
import config from './svelte.config.js';

const top = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  root: `${top}src`,
  plugins: [
    onlyWebSocket(),
    sveltekit({
      ...config,
      outDir: `${top}.svelte-kit`,
      files: { src: '.', assets: '../static' },
    }),
  ],
  build: { chunkSizeWarningLimit: 700 },
});
