import type { IncomingMessage } from 'node:http';
import type { App } from './app.ts';
import { identifyRequest } from './auth/identify.ts';
import { memberFor } from './auth/membership.ts';
import { addressOf, requestIdOf } from './requests.ts';
import type { Context } from './trpc.ts';

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
    userAgent: header(request, 'user-agent'),
    identity: found?.identity,
    member: found && memberFor(found.person, found.identity, header(request, 'x-organization')),
    mutationId: header(request, 'x-mutation-id')?.slice(0, 100),
  };
  return { context, setCookie: found?.setCookie };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
