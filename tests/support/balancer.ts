import * as http from 'node:http';
import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const checkEvery = 50;

export interface Balancer {
  url: string;
  /** Nodes that said last that they are ready. */
  readonly ready: number[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * What stands before several nodes: asks /readyz, passes requests on to ready nodes by turns, a
 * connection for each, and tries the next where a node does not take it. Without sticky sessions.
 */
export async function startBalancer(nodes: () => number[]): Promise<Balancer> {
  let ready: number[] = [];
  let turn = 0;
  const check = async () => {
    const asked = await Promise.all(
      nodes().map(async (port) => ((await isReady(port)) ? [port] : [])),
    );
    ready = asked.flat();
  };
  const inTurn = () => {
    turn += 1;
    // Where none says that it is ready, a slow answer is better than none.
    const asked = ready.length > 0 ? ready : nodes();
    return asked.map((_, at) => asked[(at + turn) % asked.length] ?? 0);
  };
  const server = http.createServer((request, response) => pass(request, response, inTurn()));
  // A client that uses a line again must not meet its closing.
  server.keepAliveTimeout = 0;
  const lines = new Set<Duplex>();
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    lines.add(socket);
    socket.on('close', () => lines.delete(socket));
    upgrade(request, socket, head, inTurn());
  });
  await check();
  const stopping = new AbortController();
  const checking = (async () => {
    while (!stopping.signal.aborted) await Promise.all([check(), sleep(checkEvery)]);
  })();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    stopping.abort();
    await checking;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const line of lines) line.destroy();
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    get ready() {
      return ready;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`, {
    signal: AbortSignal.timeout(1_000),
  }).catch(() => undefined);
  return answer?.ok ?? false;
}

function pass(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  [port, ...others]: number[],
): void {
  if (port === undefined) return void response.writeHead(502).end();
  const { method, url, headers } = request;
  const onward = http.request({
    port,
    host: '127.0.0.1',
    method,
    path: url,
    headers,
    agent: false,
  });
  onward.on('response', (answer) => {
    const { connection: _, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, rest);
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', (error: Error & { code?: string }) => {
    // It was not taken, so nothing was done: another may.
    if (error.code === 'ECONNREFUSED') pass(request, response, others);
    else if (response.headersSent) response.destroy(error);
    else response.writeHead(502).end(error.message);
  });
  onward.on('socket', (socket) => socket.once('connect', () => request.pipe(onward)));
}

function upgrade(
  request: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
  [port, ...others]: number[],
): void {
  socket.on('error', () => socket.destroy());
  if (port === undefined) return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  const node = net.connect({ port, host: '127.0.0.1' });
  node.on('error', (error: Error & { code?: string }) => {
    if (error.code === 'ECONNREFUSED') upgrade(request, socket, head, others);
    else socket.destroy();
  });
  node.once('connect', () => {
    const { rawHeaders } = request;
    const lines = rawHeaders.flatMap((name, at) =>
      at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : [],
    );
    node.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    node.write(head);
    node.pipe(socket).on('close', () => node.destroy());
    socket.pipe(node).on('close', () => socket.destroy());
  });
}
