import { Gauge, Histogram, register } from 'prom-client';
import type { Hub } from './hub.ts';
import type { LogTx } from './log.ts';

const buckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

const toGateway = histogram({
  name: 'live_commit_to_gateway_seconds',
  help: 'From the time a transaction has in the log until this process has its rows.',
});
const toSocket = histogram({
  name: 'live_gateway_to_socket_seconds',
  help: 'From the rows until the frames of all who may see them are handed to their sockets.',
});
const toApplied = histogram({
  name: 'live_socket_to_applied_seconds',
  help: 'From a frame until the word of a browser that it is shown; some of them say so now and then.',
});

/** The pages' bundle holds a copy of this module: both write the same figures. */
function histogram(named: { name: string; help: string }): Histogram {
  const known = register.getSingleMetric(named.name);
  return known instanceof Histogram ? known : new Histogram({ ...named, buckets });
}

/** Frames that a browser may still say it has applied, for each organization. */
const mostRemembered = 200;

interface Sent {
  position: number;
  committedAt: number;
  sentAt: number;
}
const lately = new WeakMap<Hub, Sent[]>();

/** Takes transactions into a hub, and the time that their way has taken so far. */
export function advance(hub: Hub, txs: LogTx[]): void {
  const [oldest] = txs;
  const newest = txs.at(-1);
  if (!oldest || !newest || newest.position <= hub.position) return hub.advance(txs);
  const began = performance.now();
  toGateway.observe(Math.max(0, Date.now() - oldest.at) / 1000);
  hub.advance(txs);
  const sentAt = performance.now();
  toSocket.observe((sentAt - began) / 1000);
  const sent = lately.get(hub) ?? [];
  lately.set(hub, sent);
  sent.push({ position: hub.position, committedAt: newest.at, sentAt });
  if (sent.length > mostRemembered) sent.splice(0, mostRemembered / 2);
}

/**
 * A browser shows everything up to a position. Answers the milliseconds since its commit, where that
 * was just now.
 */
export function applied(hub: Hub, position: unknown): number | undefined {
  const frame = lately.get(hub)?.findLast((sent) => sent.position === position);
  if (!frame) return undefined;
  toApplied.observe((performance.now() - frame.sentAt) / 1000);
  return Math.max(0, Date.now() - frame.committedAt);
}

/** How many watch, and how far the hub that is furthest behind is. */
export function collectLive(live: { watchers: ReadonlySet<unknown>; lags(): number[] }): void {
  new Gauge({
    name: 'live_sockets',
    help: 'Open sockets.',
    collect() {
      this.set(live.watchers.size);
    },
  });
  new Gauge({
    name: 'live_hub_lag_transactions',
    help: 'Transactions that are known to be in the log and not yet in the hub, of the worst organization.',
    collect() {
      this.set(Math.max(0, ...live.lags()));
    },
  });
}
