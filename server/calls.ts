import type { IncomingMessage, ServerResponse } from 'node:http';
import { callTRPCProcedure, getTRPCErrorShape, type TRPCError } from '@trpc/server';
import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { changeNamed } from '#lib/shared/change.ts';
import { AppError } from '#lib/shared/errors.ts';
import type { App } from './app.ts';
import { createContext, rememberContext } from './context.ts';
import { toAppError } from './errors.ts';
import { refuse, type Committed, type Proof } from './live/commit.ts';
import { requestIdOf } from './requests.ts';
import { appRouter } from './router.ts';
import { toTrpcError, type Context } from './trpc.ts';

export const maxBodyBytes = 1_000_000;

const procedures = appRouter._def.procedures as unknown as Record<
  string,
  { _def: { type: string } }
>;

/** One change, alone and as plain JSON, as browsers send them. */
export const isSingleChange = ({ method, url = '', headers }: IncomingMessage, path: string) =>
  method === 'POST' &&
  !url.includes('?') &&
  headers['content-type'] === 'application/json' &&
  headers['content-encoding'] === undefined &&
  Object.hasOwn(procedures, path) &&
  procedures[path]?._def.type === 'mutation';

/**
 * Answers one change as tRPC's adapter would, without the Request, Response and streams that it makes
 * for each: they were a tenth of what a change costs the server.
 */
export async function answerChange(
  app: App,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  let context: Context | undefined;
  try {
    const text = await readBody(request);
    const call = (ctx: Context): Promise<unknown> =>
      callTRPCProcedure({
        router: appRouter,
        path,
        type: 'mutation',
        ctx,
        getRawInput: () => Promise.resolve(parse(text)),
        signal: undefined,
        batchIndex: 0,
      });
    const remembered = changeNamed(path) && rememberContext(app, request);
    if (remembered) {
      context = remembered;
      const answered = await onceSure(remembered, call);
      if (answered) return send(response, 200, { result: answered });
    }
    const made = await createContext(app, request);
    context = made.context;
    if (made.setCookie) response.setHeader('set-cookie', made.setCookie);
    send(response, 200, { result: { data: await call(context) } });
  } catch (thrown) {
    const error = toTrpcError(thrown);
    const refusal = error.code === 'FORBIDDEN' ? toAppError(error) : undefined;
    const done = await doneBefore(app, context, { name: path, refusal });
    if (done) return send(response, 200, { result: { data: done } });
    reportBug(app, request, { error, path });
    const retryAfter = toAppError(error)?.details.retryAfter;
    if (retryAfter) response.setHeader('retry-after', String(retryAfter));
    const about = { error, path, type: 'mutation', input: undefined, ctx: context } as const;
    const shape = getTRPCErrorShape({ config: appRouter._def._config, ...about });
    send(response, getHTTPStatusCodeFromError(error), { error: shape });
  }
}

/** Undefined where the caller may not be any more who he was: nothing was done, and he is looked up anew. */
async function onceSure(
  context: Context & { proof: Proof },
  call: (context: Context) => Promise<unknown>,
): Promise<{ data: unknown } | undefined> {
  let data: unknown;
  try {
    data = await call(context);
  } catch (error) {
    if (context.proof.isGiven) throw error;
    return undefined;
  }
  if (!context.proof.isGiven) throw new Error('A change was made for somebody not made sure of');
  return { data };
}

/**
 * A change that was done, and whose answer was lost, is not refused to somebody who may not make it any
 * more; nor is it done later by an attempt that is still under way.
 */
async function doneBefore(
  { live }: App,
  { member, mutationId }: Partial<Context> = {},
  { name, refusal }: { name: string; refusal: AppError | undefined },
): Promise<Committed<unknown> | undefined> {
  if (!member || !mutationId || !refusal || !changeNamed(name)) return undefined;
  const scope = { organizationId: member.organizationId, actor: member.memberId };
  return refuse(live, scope, { id: mutationId, name, refusal }).catch(() => undefined);
}

/** What nobody foresaw is for the log; everything else was told to the caller. */
export function reportBug(
  app: App,
  request: IncomingMessage,
  { error, path }: { error: TRPCError; path: string | undefined },
): void {
  if (error.code !== 'INTERNAL_SERVER_ERROR') return;
  const about = { requestId: requestIdOf(request), procedure: path };
  app.log.error({ ...about, err: error.cause ?? error }, 'bug');
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBodyBytes) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
    // An error is dear to make, and every request closes.
    request.on('close', () => {
      if (!request.complete) reject(new AppError('BAD_INPUT', { reason: 'unreadableJson' }));
    });
  });
}

const tooLarge = () =>
  new AppError('TOO_LARGE', { reason: 'bodyTooLarge', params: { most: maxBodyBytes } });

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new AppError('BAD_INPUT', { reason: 'unreadableJson' });
  }
}
