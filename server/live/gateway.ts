import type { Subscribe } from '#lib/shared/wire.ts';
import { protocolVersion } from '#lib/shared/wire.ts';
import { columnsOf, entityNames } from '#lib/shared/entities.ts';
import { applied } from './path.ts';
import type { LiveServer } from './server.ts';
import { Watcher, type Admission, type LiveSocket } from './watcher.ts';

/** Messages of one socket within a second. */
const mostMessages = 200;

const columns = Object.fromEntries(entityNames.map((entity) => [entity, columnsOf(entity)]));

/** Lets sockets in: who is nobody, or no member of the organization named, gets no further. */
export function acceptWatchers(live: LiveServer): void {
  live.io.use((socket, next) => {
    const { headers, auth, address } = socket.handshake;
    const { organization, protocol } = auth as Record<string, unknown>;
    if (typeof organization !== 'string' || organization.length > 100)
      return next(new Error('BAD_INPUT'));
    if (protocol !== protocolVersion) return next(new Error('TOO_OLD'));
    if (live.isDraining) return next(new Error('UNAVAILABLE'));
    const plain = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, String(value)]),
    );
    live.options
      .admit({ headers: plain, organization, ip: address })
      .then(async (admission) => {
        if (!admission) return next(new Error('UNAUTHENTICATED'));
        socket.data = { admission, hub: await live.hub(admission.member.organizationId) };
        next();
      })
      .catch((error: unknown) => {
        live.options.log.error({ error }, 'a handshake failed');
        next(new Error('UNAVAILABLE'));
      });
  });
  live.io.on('connection', (socket) => welcome(live, socket));
}

function welcome(live: LiveServer, socket: LiveSocket): void {
  const { admission, hub } = socket.data as { admission: Admission; hub: Watcher['hub'] };
  const watcher = new Watcher(socket, hub, admission);
  live.watchers.add(watcher);
  socket.emit('welcome', { epoch: live.epoch, columns, memberId: admission.member.memberId });
  live.presence.join(watcher);
  // The standing was read before this socket was among those that a change of rights reaches.
  live.revocation.recheck(watcher);

  socket.use(limitMessages(() => watcher.close('tooMany')));
  socket.on('subscribe', (message) => {
    const asked = readSubscribe(message);
    if (asked) live.subscriptions.subscribe(watcher, asked);
  });
  socket.on('unsubscribe', (keys) => {
    live.subscriptions.unsubscribe(watcher, readKeys(keys));
  });
  socket.on('range', (key, from, to) => live.subscriptions.range(watcher, key, from, to));
  socket.on('advance', () => {
    if (watcher.audience) hub.catchUp(watcher.audience);
  });
  socket.on('applied', (position, answer) => {
    const lag = applied(hub, position);
    if (lag !== undefined && typeof answer === 'function') answer(lag);
  });
  socket.on('presence', (state) => live.presence.set(watcher, state));
  socket.on('disconnect', () => {
    live.watchers.delete(watcher);
    live.presence.leave(watcher);
    watcher.leave();
  });
}

/** A person's page sends a few messages a second; a flood ends the socket. */
function limitMessages(onFlood: () => void): (event: unknown, next: () => void) => void {
  let since = performance.now();
  let count = 0;
  return (_, next) => {
    const now = performance.now();
    if (now - since > 1_000) [since, count] = [now, 0];
    count += 1;
    if (count > mostMessages) onFlood();
    else next();
  };
}

/** A message from outside: anything may stand in it. */
function readSubscribe(message: unknown): Subscribe | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { topics, totals, lists, cursor } = message as Record<string, unknown>;
  return {
    topics: readKeys(topics),
    totals: readKeys(totals),
    lists: readKeys(lists),
    ...readCursor(cursor),
  };
}

function readKeys(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  const isKey = (key: unknown): key is string => typeof key === 'string' && key.length <= 2_000;
  return [...new Set(list.filter(isKey))].slice(0, 1_000);
}

function readCursor(cursor: unknown): Pick<Subscribe, 'cursor'> {
  if (typeof cursor !== 'object' || cursor === null) return {};
  const { epoch, position, rights, isPast } = cursor as Record<string, unknown>;
  const fits =
    typeof epoch === 'string' && typeof rights === 'string' && Number.isSafeInteger(position);
  if (!fits) return {};
  const past = isPast === true ? { isPast: true as const } : {};
  return { cursor: { epoch, position: Number(position), rights, ...past } };
}
