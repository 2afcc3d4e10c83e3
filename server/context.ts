import type { IncomingMessage, ServerResponse } from 'node:http';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import { toAppError } from './errors.ts';
import type { App } from './app.ts';
import { identifyRequest } from './auth/identify.ts';
import { memberFor } from './auth/membership.ts';
import { addressOf, requestIdOf } from './requests.ts';
import { appRouter } from './router.ts';
import type { Context } from './trpc.ts';

export const maxBodyBytes = 1_000_000;

/** What a call says of itself in its headers, with who it comes from as of this moment. */
export async function createContext(
  app: App,
  request: IncomingMessage,
): Promise<{ context: Context; setCookie: string | undefined }> {
  const found = await identifyRequest(app, request);
  const context = {
    app,
    requestId: requestIdOf(request),
    ip: addressOf(request),
    identity: found?.identity,
    member: found && memberFor(found.person, found.identity, header(request, 'x-organization')),
    mutationId: header(request, 'x-mutation-id')?.slice(0, 100),
  };
  return { context, setCookie: found?.setCookie };
}

/** Answers every request below /trpc. */
export function handleTrpc(app: App) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let setCookie: string | undefined;
    const path = (request.url ?? '').split('?', 1)[0]?.replace(/^\/trpc\/?/, '') ?? '';
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
      onError({ error, path: procedure }) {
        if (error.code !== 'INTERNAL_SERVER_ERROR') return;
        app.log.error(
          { requestId: requestIdOf(request), procedure, err: error.cause ?? error },
          'bug',
        );
      },
    });
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
