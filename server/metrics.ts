import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Pool } from 'pg';
import { collectDefaultMetrics, Gauge, Histogram, register } from 'prom-client';

const duration = new Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'Time from the first byte of a request to the end of its answer.',
  labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
});

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function observeRequest(request: {
  method: string;
  route: string;
  status: number;
  seconds: number;
}): void {
  const method = METHODS.has(request.method) ? request.method : '_OTHER';
  duration.labels(method, request.route, String(request.status)).observe(request.seconds);
}

/** Node's own figures and the pool's, beside those that each part registers for itself. */
export function collectProcessMetrics(pool: Pool): void {
  collectDefaultMetrics();
  new Gauge({
    name: 'db_client_connections',
    help: 'Connections of the pool by state, and queries that wait for one.',
    labelNames: ['state'],
    collect() {
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'used' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'waiting' }, pool.waitingCount);
    },
  });
}

export function collectBusMetrics(bus: { isUp: boolean }): void {
  new Gauge({
    name: 'sync_bus_up',
    help: 'Whether this node and the others can hear each other.',
    collect() {
      this.set(bus.isUp ? 1 : 0);
    },
  });
}

/** One question for all figures that are asked for at the same time. */
export function onceAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => (asking ??= ask().finally(() => (asking = undefined)));
}

/** Prometheus' text. */
export async function handleMetrics(_: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': register.contentType });
  response.end(await register.metrics());
}
