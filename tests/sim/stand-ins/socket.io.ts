import type { Actor } from '../clock.ts';
import { here } from '../here.ts';
import type { Link, Node } from '../network.ts';
import type { Knock } from './socket.io-client.ts';

export { ServerSocket, SocketServer, ServerSocket as Socket, SocketServer as Server };

type Handler = (...args: unknown[]) => void;
type Middleware = (socket: ServerSocket, next: (error?: Error) => void) => void;

/** The server side of Socket.IO as the product uses it, over the run's network. */
class SocketServer {
  readonly #uses: Middleware[] = [];
  readonly #rooms = new Map<string, Set<ServerSocket>>();
  readonly sockets = new Set<ServerSocket>();
  #onConnection: (socket: ServerSocket) => void = () => undefined;
  #numbers = 0;

  use(middleware: Middleware): void {
    this.#uses.push(middleware);
  }

  on(_event: string, run: (socket: ServerSocket) => void): void {
    this.#onConnection = run;
  }

  attach(node: unknown): void {
    (node as Node).sockets = this;
  }

  /** Who is in several of the rooms hears it once. */
  to(rooms: string | string[]): { emit(event: string, ...args: unknown[]): void } {
    return {
      emit: (event, ...args) => {
        const those = [rooms].flat().flatMap((room) => [...(this.#rooms.get(room) ?? [])]);
        for (const socket of new Set(those)) socket.emit(event, ...args);
      },
    };
  }

  room(name: string): Set<ServerSocket> {
    let room = this.#rooms.get(name);
    if (!room) this.#rooms.set(name, (room = new Set()));
    return room;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.disconnect();
  }

  /** Somebody knocks. */
  connect(actor: Actor, client: Knock, handshake: ServerSocket['handshake']): void {
    this.#numbers += 1;
    const id = `${actor.name}-${this.#numbers}-${Math.floor(here.clock.now)}`;
    const socket = new ServerSocket(this, actor, { id, handshake });
    const refuse = (error: Error): void =>
      void here.clock.after(here.network.delay(), () => client.refused(error), client.actor);
    const pass = (at: number): void => {
      const middleware = this.#uses[at];
      if (middleware) return middleware(socket, (error) => (error ? refuse(error) : pass(at + 1)));
      const link = client.accepted(socket);
      if (!link) return;
      socket.link = link;
      this.sockets.add(socket);
      link.toClient('connect', [id]);
      this.#onConnection(socket);
    };
    pass(0);
  }
}

class ServerSocket {
  readonly id: string;
  readonly actor: Actor;
  readonly handshake: {
    headers: Record<string, string>;
    auth: Record<string, unknown>;
    address: string;
  };
  readonly rooms = new Set<string>();
  data: unknown;
  connected = true;
  link: Link | undefined;
  readonly #server: SocketServer;
  readonly #handlers = new Map<string, Handler>();
  readonly #uses: ((event: unknown[], next: () => void) => void)[] = [];

  constructor(
    server: SocketServer,
    actor: Actor,
    { id, handshake }: Pick<ServerSocket, 'id' | 'handshake'>,
  ) {
    this.#server = server;
    this.actor = actor;
    this.id = id;
    this.handshake = handshake;
  }

  /** What waits for a browser that does not read counts as large. */
  readonly conn = {
    transport: {},
    write: (): { data: string }[] => {
      const link = this.link;
      const isStalled = link && link.stalledUntil > here.clock.now && !link.isCut;
      return isStalled ? Array.from({ length: link.queued }, () => ({ data: large })) : [];
    },
    get writeBuffer() {
      return this.write();
    },
  };

  use(middleware: (event: unknown[], next: () => void) => void): void {
    this.#uses.push(middleware);
  }

  on(event: string, run: Handler): void {
    this.#handlers.set(event, run);
  }

  emit(event: string, ...args: unknown[]): void {
    if (this.connected) this.link?.toClient(event, args);
  }

  join(room: string): void {
    this.rooms.add(room);
    this.#server.room(room).add(this);
  }

  leave(room: string): void {
    this.rooms.delete(room);
    this.#server.room(room).delete(this);
  }

  disconnect(): void {
    if (!this.connected) return;
    this.link?.end();
    this.lose('server namespace disconnect');
  }

  receive(event: string, args: unknown[]): void {
    if (!this.connected) return;
    const pass = (at: number): void => {
      const middleware = this.#uses[at];
      if (middleware) middleware([event, ...args], () => pass(at + 1));
      else this.#handlers.get(event)?.(...args);
    };
    pass(0);
  }

  lose(reason: string): void {
    if (!this.connected) return;
    this.connected = false;
    this.#server.sockets.delete(this);
    for (const room of this.rooms) this.leave(room);
    this.#handlers.get('disconnect')?.(reason);
  }
}

const large = 'x'.repeat(200_000);
