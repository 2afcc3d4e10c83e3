import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { prepareKit } from './config.ts';
import type { Handler } from './http.ts';

interface Pages {
  handle: Handler;
  close(): Promise<void>;
}

const TOP = new URL('../', import.meta.url);

/** SvelteKit's pages: the built ones, or Vite's in development, whose reloads use the same server. */
export async function createPages({
  server,
  isDev,
}: {
  server: Server;
  isDev: boolean;
}): Promise<Pages> {
  prepareKit();
  return isDev ? developmentPages(server) : builtPages();
}

async function builtPages(): Promise<Pages> {
  const built = (await import(new URL('build/handler.js', TOP).href)) as { handler: Handler };
  return { handle: built.handler, close: () => Promise.resolve() };
}

async function developmentPages(server: Server): Promise<Pages> {
  const { createServer } = await import('vite');
  const vite = await createServer({
    configFile: fileURLToPath(new URL('vite.config.ts', TOP)),
    server: { middlewareMode: true, hmr: { server } },
    appType: 'custom',
  });
  return {
    handle: (request, response) => vite.middlewares(request, response),
    close: () => vite.close(),
  };
}
