import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { build, type Rolldown } from 'vite';
import { onlyWebSocket } from '../../scripts/only-websocket.ts';
import type { Line } from './report.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const goal = 30;

/**
 * The browser half of the engine with socket.io-client, minified and gzipped. Without Svelte, tRPC and
 * zod, which the page has anyway.
 */
export async function engineSize(): Promise<Line> {
  const built = (await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [svelte(), onlyWebSocket()],
    resolve: { alias: { '#lib': `${root}src/lib` } },
    build: {
      write: false,
      lib: { entry: 'src/lib/live/live.svelte.ts', formats: ['es'] },
      rolldownOptions: { external: [/^svelte/, /^@trpc/, /^zod/] },
    },
  })) as Rolldown.RolldownOutput[];
  const chunks = built
    .flatMap(({ output }) => output)
    .flatMap((one) => ('code' in one ? one.code : []));
  const bytes = chunks.reduce((sum, code) => sum + gzipSync(code, { level: 9 }).length, 0);
  return {
    what: 'browser half of the engine with socket.io-client',
    ours: `${(bytes / 1000).toFixed(1)} KB`,
    floor: '',
    ratio: '',
    goal: `${goal} KB`,
    isMet: chunks.length > 0 && bytes <= goal * 1000,
    detail: 'gzip, without Svelte, tRPC and zod',
  };
}
