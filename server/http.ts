import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { Health } from './health.ts';
import { handleMetrics } from './metrics.ts';
import { isNear, normaliseRequests, requestIdOf } from './requests.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A handler for a path and everything below it; the first that fits gets the request. */
export interface Mount {
  path: string;
  handle: Handler;
}

/**
 * The one HTTP server: health and metrics, then the mounts, which may come after it was made. A handler
 * that throws answers 500 with the request id, under which the log has the error.
 */
export function createHttpServer({
  config,
  log,
  health,
  mounts,
}: {
  config: Config;
  log: Logger;
  health: Health;
  mounts: Mount[];
}): Server {
  const own: Mount[] = [
    { path: '/livez', handle: (_, response) => answer(response, 200, { status: 'alive' }) },
    { path: '/readyz', handle: (_, response) => handleReady(health, response) },
    {
      path: '/metrics',
      handle: (...both) => (isNear(both[0]) ? handleMetrics : notFound)(...both),
    },
  ];
  const server = createServer(async (request, response) => {
    if (health.isDraining) response.setHeader('connection', 'close');
    const path = request.url?.split('?', 1)[0] ?? '/';
    const mount = [...own, ...mounts].find(({ path: base }) => isBelow(path, base));
    try {
      await (mount?.handle ?? notFound)(request, response);
    } catch (error) {
      log.error({ err: error, requestId: requestIdOf(request) }, 'a request met a bug');
      if (!response.headersSent) {
        answer(response, 500, { code: 'INTERNAL', requestId: requestIdOf(request) });
      } else response.destroy();
    }
  });
  server.on('clientError', refuseUnreadable);
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 60_000;
  normaliseRequests(server, config, log);
  return server;
}

/** What is no HTTP, or has more headers than is read, never becomes a request: it is answered here. */
function refuseUnreadable(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const tooLong = error.code === 'HPE_HEADER_OVERFLOW';
  const [status, title] = tooLong
    ? [431, 'The address or a header is too long']
    : [400, 'Bad request'];
  const body = JSON.stringify({ type: 'about:blank', title, status, code: 'BAD_INPUT' });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nconnection: close\r\n` +
      `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

async function handleReady(health: Health, response: ServerResponse): Promise<void> {
  const failed = await health.failures();
  if (failed.length === 0) answer(response, 200, { status: 'ready' });
  else answer(response, 503, { status: 'unready', failed });
}

function notFound(_: IncomingMessage, response: ServerResponse): void {
  answer(response, 404, { code: 'NOT_FOUND' });
}

function isBelow(path: string, base: string): boolean {
  return base === '/' || path === base || path.startsWith(`${base}/`);
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
