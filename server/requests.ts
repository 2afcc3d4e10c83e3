import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { type Config, isLoopback } from './config.ts';
import { observeRequest } from './metrics.ts';

const REQUEST_ID = /^[\w-]{8,64}$/;

/**
 * Makes every request and upgrade say one thing, whoever reads it later: `x-request-id`, and the
 * client's `x-forwarded-for` (one address), `x-forwarded-proto` and `x-forwarded-host`. What a client
 * claims counts only behind as many proxies as TRUST_PROXY says.
 */
export function normaliseRequests(server: Server, config: Config, log: Logger): void {
  server.prependListener('upgrade', (request: IncomingMessage) => normalise(request, config));
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const began = performance.now();
    const requestId = normalise(request, config);
    response.setHeader('x-request-id', requestId);
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    response.once('close', () => {
      const ms = performance.now() - began;
      const status = response.writableFinished ? response.statusCode : 499;
      const route = routeOf(path, status);
      observeRequest({ method: request.method ?? 'GET', route, status, seconds: ms / 1000 });
      const details = { requestId, method: request.method, route, status, ms: Math.round(ms) };
      if (status >= 500) log.error(details, 'request failed');
      else if (isQuiet(path)) log.debug(details, 'request');
      else log.info(details, 'request');
    });
  });
}

export function requestIdOf(request: IncomingMessage): string {
  return String(request.headers['x-request-id'] ?? '');
}

/** The client's address, as far as it can be trusted. */
export function addressOf(request: IncomingMessage): string {
  return String(request.headers['x-forwarded-for'] ?? request.socket.remoteAddress ?? '');
}

/** Whether the request comes from this machine or its private network, past no proxy we do not know. */
export function isNear(request: IncomingMessage): boolean {
  const client = addressOf(request).replace(/^::ffff:/, '');
  const isPrivate = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd][0-9a-f]{2}:)/i.test(client);
  return !relayed.has(request) && (isLoopback(client) || isPrivate);
}

const relayed = new WeakSet<IncomingMessage>();

function normalise(request: IncomingMessage, { trustProxy, publicUrl }: Config): string {
  const { headers, socket } = request;
  const claimed = trustProxy > 0 ? headers : {};
  if (trustProxy === 0 && headers['x-forwarded-for']) relayed.add(request);
  const hops = String(claimed['x-forwarded-for'] ?? '')
    .split(',')
    .map((hop) => hop.trim());
  const isWellNamed = REQUEST_ID.test(String(claimed['x-request-id'] ?? ''));
  const proto = first(claimed['x-forwarded-proto']) === 'https' ? 'https' : 'http';
  headers['x-forwarded-for'] = hops.at(-trustProxy || 0) || (socket.remoteAddress ?? '');
  headers['x-forwarded-proto'] = publicUrl ? new URL(publicUrl).protocol.slice(0, -1) : proto;
  headers['x-forwarded-host'] = publicUrl
    ? new URL(publicUrl).host
    : (first(claimed['x-forwarded-host']) ?? headers.host ?? 'localhost');
  headers['x-request-id'] = isWellNamed ? String(claimed['x-request-id']) : randomUUID();
  return String(headers['x-request-id']);
}

function first(header: string | string[] | undefined): string | undefined {
  return (
    String(header ?? '')
      .split(',', 1)[0]
      ?.trim() || undefined
  );
}

// A template, never the raw path: the number of routes must stay small whatever is asked for.
function routeOf(path: string, status: number): string {
  if (status === 404 || path.length > 200) return 'unknown';
  if (path.startsWith('/_app/')) return '/_app/*';
  return path
    .replace(/^\/o\/[^/]+/, '/o/:slug')
    .replace(/^\/invite\/[^/]+/, '/invite/:token')
    .split('/')
    .map((part) => (/\d/.test(part) && !/^v\d$/.test(part) ? ':id' : part))
    .join('/');
}

const isQuiet = (path: string): boolean =>
  path.startsWith('/_app/') || path === '/livez' || path === '/readyz' || path === '/metrics';
