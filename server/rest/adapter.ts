import type { IncomingMessage, ServerResponse } from 'node:http';
import { callTRPCProcedure, TRPCError } from '@trpc/server';
import { AppError } from '#lib/shared/errors.ts';
import { newId } from '#lib/shared/ids.ts';
import { permissions, requirePermission } from '../access.ts';
import type { App } from '../app.ts';
import { createRestContext } from '../context.ts';
import { toAppError } from '../errors.ts';
import { Outdated } from '../live/commit.ts';
import { requestIdOf } from '../requests.ts';
import { appRouter } from '../router.ts';
import type { Context } from '../trpc.ts';
import { answerOf } from './answers.ts';
import { conditioned, isUnchanged } from './conditions.ts';
import { createDocs } from './docs.ts';
import { createLimit, type Limit } from './limit.ts';
import { operationsAt, operationsOf, type Operation } from './operations.ts';
import { HttpRefusal, problemOf } from './problems.ts';
import { bodyOf, pathOf, queryOf, requireAcceptance } from './request.ts';
import { nameInRequest, readValues } from './values.ts';
import type { RestRequest } from './route.ts';

export const operations = operationsOf(appRouter);

interface Options {
  /** Other origins whose pages may call; those of the settings unless said. */
  origins?: readonly string[];
  requestsPerMinute?: number;
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  operation?: Operation;
  asked?: RestRequest;
}

/** Answers every request below /api: the same procedures as tRPC, by the routes in their metadata. */
export function handleRest(app: App, options: Options = {}) {
  const { corsOrigins, restRequestsPerMinute } = app.config;
  const { origins = corsOrigins, requestsPerMinute = restRequestsPerMinute } = options;
  const limit = createLimit(requestsPerMinute);
  const docs = createDocs(operations);
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call: Call = { request, response, path: '' };
    response.setHeader('cache-control', 'private, no-cache');
    response.setHeader('x-content-type-options', 'nosniff');
    allowOrigin(call, origins);
    try {
      call.path = pathOf(request.url ?? '/');
      if (isReading(request) && docs(call.path, response, request)) return;
      await answer(app, limit, call);
    } catch (error) {
      refuse(app, call, error);
    }
  };
}

async function answer(app: App, limit: Limit, call: Call): Promise<void> {
  const { request, response, path } = call;
  const { operation, params } = routed(call, path);
  if (!operation) return;
  call.operation = operation;
  requireAcceptance(request);
  const { context, setCookie } = await createRestContext(app, request);
  if (setCookie) response.setHeader('set-cookie', setCookie);
  const { keyId, userId = context.ip } = context.identity ?? {};
  await limit(keyId ?? userId, response);
  requireEntry(context, operation.permission);
  // What cannot be an id leads nowhere, like an id that never was.
  if (params['id'] !== undefined && !isId(params['id'])) throw new AppError('NOT_FOUND');
  const body = request.method === 'GET' || request.method === 'HEAD' ? {} : await bodyOf(request);
  call.asked = { params, query: queryOf(request.url ?? ''), body };
  const { asked } = call;
  const result = await whileOutdated(context, async (known) => {
    const caller = known ?? (await createRestContext(app, request)).context;
    if (!known) requireEntry(caller, operation.permission);
    return run(operation, conditioned(caller, operation, request, asked), asked);
  });
  send(call, answerOf(operation, result));
}

/** Where the caller may not be any more who he was, nothing was done, and he is looked up anew. */
async function whileOutdated(
  context: Context,
  attempt: (context: Context | undefined) => Promise<unknown>,
): Promise<unknown> {
  for (let left = 3; ; left -= 1) {
    try {
      return await attempt(left === 3 ? context : undefined);
    } catch (error) {
      const isOutdated = error instanceof TRPCError && error.cause instanceof Outdated;
      if (!isOutdated || left === 0) throw error;
    }
  }
}

/** The procedure asks again; here it is so that nobody is told of their input what they may not even send. */
function requireEntry({ identity, member }: Context, permission: string): void {
  if (permission === 'public') return;
  if (!identity) throw new AppError('UNAUTHENTICATED', { reason: 'signInFirst' });
  if (permission === 'signedIn') return;
  if (!member) throw new AppError('NOT_FOUND', { reason: 'noOrganization' });
  const wanted = permissions.find((one) => one === permission);
  if (wanted) requirePermission(member, wanted);
}

/** The operation that is asked for; 404 and 405 are told apart, and OPTIONS is answered at once. */
function routed(
  { request, response }: Call,
  path: string,
): { operation?: Operation; params: Record<string, string> } {
  const found = operationsAt(operations, path);
  if (found.length === 0) throw new AppError('NOT_FOUND');
  const methods = [...new Set(found.map(({ operation }) => operation.route.method))];
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { allow }).end();
    return { params: {} };
  }
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const chosen = found.find(({ operation }) => operation.route.method === method);
  if (!chosen)
    throw new HttpRefusal(405, 'METHOD_NOT_ALLOWED', `This path has ${allow}.`, { allow });
  return chosen;
}

async function run(operation: Operation, context: Context, asked: RestRequest): Promise<unknown> {
  const { procedure, type, route } = operation;
  const values = await readValues(operation, asked, context);
  const { params, query, body } = values;
  const filled = route.input
    ? await route.input(values, context)
    : { ...query, ...body, ...params };
  const answered = await ask({ path: procedure, type }, context, withId(operation, filled));
  if (!route.shows) return answered;
  return ask({ path: route.shows, type: 'query' }, context, { id: params['id'] });
}

function ask(
  named: { path: string; type: 'query' | 'mutation' },
  context: Context,
  input: unknown,
): Promise<unknown> {
  return callTRPCProcedure({
    router: appRouter,
    ...named,
    ctx: context,
    getRawInput: () => Promise.resolve(input),
    signal: undefined,
    batchIndex: 0,
  });
}

/** A new record gets its id here when the caller did not make one. */
function withId({ route, input }: Operation, values: unknown): unknown {
  const wantsId = input.required?.includes('id') ?? false;
  if (
    route.method !== 'POST' ||
    !wantsId ||
    typeof values !== 'object' ||
    values === null ||
    'id' in values
  )
    return values;
  return { id: newId(), ...values };
}

function send(
  { request, response }: Call,
  { status, body, etag }: ReturnType<typeof answerOf>,
): void {
  if (etag) response.setHeader('etag', etag);
  if (etag && isReading(request) && isUnchanged(request, etag)) {
    response.writeHead(304).end();
    return;
  }
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function refuse(app: App, { request, response, operation, asked }: Call, error: unknown): void {
  const known = error instanceof HttpRefusal ? error : toAppError(error);
  const requestId = requestIdOf(request);
  if (!known) app.log.error({ requestId, procedure: operation?.procedure, err: error }, 'bug');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = problemOf(known, {
    instance: (request.url ?? '/').split('?', 1)[0] ?? '/',
    requestId,
    nameOf: (field) => (operation && asked ? nameInRequest(operation, asked, field) : field),
  });
  const text = JSON.stringify(body);
  // What was not read of the request would be taken for the next one.
  if (!request.complete) response.setHeader('connection', 'close');
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function allowOrigin({ request, response }: Call, origins: readonly string[]): void {
  const { origin } = request.headers;
  response.setHeader('vary', 'origin, authorization, cookie, x-api-key, x-organization');
  if (!origin || !origins.includes(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE');
  response.setHeader(
    'access-control-allow-headers',
    'authorization, content-type, if-match, if-none-match, idempotency-key, x-api-key, x-organization',
  );
  response.setHeader(
    'access-control-expose-headers',
    'etag, ratelimit, ratelimit-policy, retry-after, x-request-id',
  );
}

const isId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

const isReading = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD';
