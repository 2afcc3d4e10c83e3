import type { IncomingMessage } from 'node:http';
import type { App } from './app.ts';
import {
  identifyAgain,
  identifyProgram,
  identifyRequest,
  type Identified,
} from './auth/identify.ts';
import { memberFor } from './auth/membership.ts';
import type { Proof } from './live/commit.ts';
import { addressOf, requestIdOf } from './requests.ts';
import type { Context } from './trpc.ts';

/** What a call says of itself in its headers, with who it comes from as of this moment. */
export async function createContext(
  app: App,
  request: IncomingMessage,
): Promise<{ context: Context; setCookie: string | undefined }> {
  const found = await identifyRequest(app, request);
  return { context: contextOf(app, request, found), setCookie: found?.setCookie };
}

/** The same for a call of REST, which may come by a key; that is made sure of with each change. */
export async function createRestContext(
  app: App,
  request: IncomingMessage,
): Promise<{ context: Context; setCookie: string | undefined }> {
  const found = await identifyProgram(app, request);
  const context = { ...contextOf(app, request, found), proof: found?.proof };
  return { context, setCookie: found?.setCookie };
}

/** The same with who it came from when he last called: only for a change, which asks for the proof. */
export function rememberContext(
  app: App,
  request: IncomingMessage,
): (Context & { proof: Proof }) | undefined {
  const found = identifyAgain(app, request);
  return found && { ...contextOf(app, request, found), proof: found.proof };
}

function contextOf(app: App, request: IncomingMessage, found: Identified | undefined): Context {
  return {
    app,
    requestId: requestIdOf(request),
    ip: addressOf(request),
    userAgent: header(request, 'user-agent'),
    identity: found?.identity,
    member: found && memberFor(found.person, found.identity, header(request, 'x-organization')),
    mutationId: header(request, 'x-mutation-id')?.slice(0, 100),
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
