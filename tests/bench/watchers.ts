import { io, type Socket } from 'socket.io-client';
import { Decoder } from '#lib/live/decode.ts';
import type { AnyRow } from '#lib/shared/entities.ts';
import { unpackId } from '#lib/shared/ids.ts';
import { totalsKey } from '#lib/shared/totals.ts';
import { type Frame, protocolVersion, type Start, type Welcome } from '#lib/shared/wire.ts';
import { moveOf, now } from './clock.ts';
import type { Contestant } from './contestants.ts';
import { answer } from './programs.ts';

/** Browsers that look at the board: raw sockets that note which move they saw when. */
export const watchers = { open, close, renew, clear, seen, bytes, load, leave, comeBack, list };

interface Watching {
  socket: Socket;
  moves: number[];
  times: number[];
  /** Frames that did not begin where the one before ended. */
  gaps: number;
}

const opened: Watching[] = [];

export interface Opening {
  contestant: Contestant;
  count: number;
  /** Whether they follow the totals of the stages too, as the board does. */
  totals?: boolean;
}

async function open({ contestant, count, totals = true }: Opening): Promise<void> {
  while (opened.length < count) {
    const batch = Math.min(50, count - opened.length);
    const from = opened.length;
    opened.push(
      ...(await Promise.all(
        Array.from({ length: batch }, (_, at) => watch(contestant, from + at, totals)),
      )),
    );
  }
}

async function watch(contestant: Contestant, number: number, totals: boolean): Promise<Watching> {
  const socket = connect(contestant, number);
  const watching: Watching = { socket, moves: [], times: [], gaps: 0 };
  const saw = (rank: string): void => {
    watching.moves.push(moveOf(rank));
    watching.times.push(now());
  };
  if (contestant.name === 'floor') {
    socket.on('deal', (row: { rank: string }) => saw(row.rank));
    await once(socket, 'welcome');
    return watching;
  }
  const { pipelineId } = contestant.board;
  const welcome = (await once(socket, 'welcome')) as Welcome;
  const entity = Object.keys(welcome.columns).indexOf('deals');
  const rank = welcome.columns['deals']?.indexOf('rank');
  let position = -1;
  socket.on('start', (start: Start) => (position = start.position));
  socket.on('f', ([from, to, txs = []]: Frame) => {
    if (from !== position) watching.gaps += 1;
    position = to;
    for (const [, , ops] of txs) {
      for (const [number, , , , content = []] of ops) {
        if (number !== entity) continue;
        for (let at = 0; at < content.length; at += 2)
          if (content[at] === rank) saw(String(content[at + 1]));
      }
    }
  });
  const today = new Date().toISOString().slice(0, 10);
  socket.emit('subscribe', {
    topics: [`pipelineDeals/${pipelineId}/open`],
    totals: totals ? [totalsKey('dealTotals', { pipelineId, today })] : [],
  });
  await once(socket, totals ? 'totals' : 'rows');
  return watching;
}

function connect({ port, organization, people }: Contestant, number: number): Socket {
  const cookie = people[number % people.length] ?? '';
  const origin = `http://127.0.0.1:${port}`;
  return io(origin, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    extraHeaders: { cookie, origin },
    auth: { organization, protocol: protocolVersion },
  });
}

function once(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('connect_error', reject);
    socket.once('bye', (reason: string) => reject(new Error(`The server said ${reason}`)));
  });
}

function close(): void {
  for (const { socket } of opened.splice(0)) socket.disconnect();
}

/** The oldest go, and as many others come. */
async function renew({ count, ...opening }: Opening): Promise<void> {
  const { length } = opened;
  for (const { socket } of opened.splice(0, count)) socket.disconnect();
  await open({ ...opening, count: length });
}

function clear(): void {
  for (const watching of opened) Object.assign(watching, { moves: [], times: [] });
}

/** What all watchers saw of some moves: how long each delivery took, how many are missing, how many gaps. */
function seen({ first, sentAt }: { first: number; sentAt: Float64Array }) {
  const took: number[] = [];
  let missing = 0;
  let gaps = 0;
  let lost = 0;
  for (const { socket, moves, times, gaps: holes } of opened) {
    const unseen = new Set(sentAt.keys());
    moves.forEach((move, at) => {
      const sent = sentAt[move - first];
      if (sent !== undefined && unseen.delete(move - first)) took.push((times[at] ?? 0) - sent);
    });
    missing += unseen.size;
    gaps += holes;
    if (!socket.connected) lost += 1;
  }
  return { took: Float64Array.from(took), missing, gaps, lost };
}

/** Bytes that the first watcher has read from its connection, WebSocket's own included. */
function bytes(): number {
  const [first] = opened;
  const engine = first?.socket.io.engine as unknown as Engine | undefined;
  return engine?.transport.ws._socket.bytesRead ?? 0;
}
interface Engine {
  transport: { ws: { _socket: { bytesRead: number } } };
}

/** A fresh client: from nothing to the rows of the large board as objects, in milliseconds. */
async function load(
  contestant: Contestant,
): Promise<{ fromConnect: number; fromAsking: number; rows: number }> {
  const began = now();
  const socket = connect(contestant, 0);
  const { pipelineId } = contestant.large;
  const welcome = await once(socket, 'welcome');
  const asked = now();
  let rows: AnyRow[];
  if (contestant.name === 'floor') {
    const arrived = once(socket, 'deals');
    socket.emit('load', pipelineId);
    rows = (await arrived) as AnyRow[];
  } else {
    const decoder = new Decoder(welcome as Welcome);
    const arrived = new Promise<Uint8Array>((resolve) =>
      socket.once('rows', (_, body: Uint8Array) => resolve(body)),
    );
    socket.emit('subscribe', { topics: [`pipelineDeals/${pipelineId}/open`], totals: [] });
    rows = [...decoder.rows('deals', await arrived).values()].map(({ row }) => row);
  }
  const ended = now();
  socket.disconnect();
  return { fromConnect: ended - began, fromAsking: ended - asked, rows: rows.length };
}

let left: { epoch: string; position: number; rights: string } | undefined;

/** Looks at the board and goes, with a cursor. */
async function leave(contestant: Contestant): Promise<void> {
  const socket = connect(contestant, 0);
  const { epoch } = (await once(socket, 'welcome')) as Welcome;
  const started = once(socket, 'start');
  socket.emit('subscribe', { topics: [boardOf(contestant)], totals: [] });
  const { position, rights } = (await started) as Start;
  left = { epoch, position, rights };
  socket.disconnect();
}

/** Comes back with the cursor: milliseconds from connecting to having all that was missed, and how much it was. */
async function comeBack(contestant: Contestant): Promise<{ took: number; missed: number }> {
  const began = now();
  const socket = connect(contestant, 0);
  await once(socket, 'welcome');
  const frame = once(socket, 'f');
  socket.emit('subscribe', { topics: [boardOf(contestant)], totals: [], cursor: left });
  const [, , txs = []] = (await frame) as Frame;
  const took = now() - began;
  socket.disconnect();
  return { took, missed: txs.length };
}

const boardOf = ({ board }: Contestant): string => `pipelineDeals/${board.pipelineId}/open`;

/** A list of customers: milliseconds from asking to its first fifty records. */
async function list({
  contestant,
  params,
}: {
  contestant: Contestant;
  params: Record<string, unknown>;
}): Promise<{ took: number; total: number }> {
  const socket = connect(contestant, 0);
  await once(socket, 'welcome');
  const key = totalsKey('customerList', params);
  let total = 0;
  socket.on('list', (_, length: number) => (total = length));
  const began = now();
  const ids = new Promise<string>((resolve) =>
    socket.once('ids', (_, __, packed: string) => resolve(packed)),
  );
  socket.emit('subscribe', { topics: [], totals: [], lists: [key] });
  const packed = await ids;
  const wanted = Array.from({ length: 50 }, (_, at) => packed.slice(at * 22, at * 22 + 22));
  const records = wanted.filter(Boolean).map((id) => `customer/${unpackId(id)}`);
  await new Promise<void>((resolve) => {
    let here = 0;
    socket.on('rows', () => {
      here += 1;
      if (here === records.length) resolve();
    });
    socket.emit('subscribe', { topics: records, totals: [] });
  });
  const took = now() - began;
  socket.disconnect();
  return { took, total };
}

answer(watchers);
