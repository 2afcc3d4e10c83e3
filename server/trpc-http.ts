import type { IncomingMessage, ServerResponse } from 'node:http';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import type { App } from './app.ts';
import { answerChange, isSingleChange, maxBodyBytes, reportBug } from './calls.ts';
import { createContext } from './context.ts';
import { toAppError } from './errors.ts';
import { appRouter } from './router.ts';

/** Answers every request below /trpc. */
export function handleTrpc(app: App) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?', 1)[0]?.replace(/^\/trpc\/?/, '') ?? '';
    if (isSingleChange(request, path)) return answerChange(app, request, response, path);
    let setCookie: string | undefined;
    await nodeHTTPRequestHandler({
      router: appRouter,
      req: request,
      res: response,
      path,
      maxBodySize: maxBodyBytes,
      createContext: async () => {
        const made = await createContext(app, request);
        setCookie = made.setCookie;
        return made.context;
      },
      responseMeta({ errors }) {
        const wait = errors.map((error) => toAppError(error)?.details.retryAfter ?? 0);
        const retryAfter = Math.max(0, ...wait);
        return {
          headers: {
            'cache-control': 'no-store',
            'x-content-type-options': 'nosniff',
            ...(retryAfter ? { 'retry-after': String(retryAfter) } : {}),
            ...(setCookie ? { 'set-cookie': setCookie } : {}),
          },
        };
      },
      onError: ({ error, path: procedure }) => reportBug(app, request, { error, path: procedure }),
    });
  };
}
