import type { Actor } from './clock.ts';
import { here } from './here.ts';
import type { ServerSocket, SocketServer } from './stand-ins/socket.io.ts';
import type { ClientSocket } from './stand-ins/socket.io-client.ts';

/** A running server, as a balancer sees it. */
export interface Node {
  actor: Actor;
  sockets: SocketServer | undefined;
  answer(request: Request): Promise<Reply>;
}

export interface Request {
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

export interface Reply {
  status: number;
  body: unknown;
}

/** One side of a link loses it at once, the other later, or never until it asks. */
export type Cut = 'both' | 'client' | 'server';

/** What the checks want to know of a connection. */
export interface Watch {
  sent(link: Link, event: string, args: unknown[]): void;
  delivered(link: Link, event: string, args: unknown[]): void;
}

/** How long a side that hears nothing takes to notice, at most, in milliseconds. */
const noticing = 4_900;

export class Network {
  readonly nodes: Node[] = [];
  readonly links = new Set<Link>();
  readonly watch: Watch;
  /** Shares of requests and frames that go astray, at the moment. */
  faults = { lostRequests: 0, lostReplies: 0, doubledRequests: 0, lostFrames: 0, doubledFrames: 0 };

  constructor(watch: Watch) {
    this.watch = watch;
  }

  /** A server that is up, chosen by the balancer. */
  choose(): Node | undefined {
    const up = this.nodes.filter(({ actor, sockets }) => actor.isAlive && sockets);
    return up.length > 0 ? here.chance.oneOf(up) : undefined;
  }

  delay(): number {
    return here.chance.chance(0.05) ? here.chance.between(20, 400) : here.chance.between(1, 15);
  }

  /** What fetch does: over any server, each request on its own. */
  fetch(url: string, { headers, body }: RequestInit): Promise<unknown> {
    const tab = here.clock.current;
    const browser = here.browserOf?.();
    const request: Request = {
      path: url,
      headers: headers as Record<string, string>,
      body: typeof body === 'string' ? JSON.parse(body) : undefined,
    };
    return new Promise((resolve, reject) => {
      const fail = (after: number): void =>
        void here.clock.after(after, () => reject(new TypeError('fetch failed')), tab);
      const node = this.choose();
      if (!node || browser?.isOnline === false) return fail(2);
      const { lostRequests, lostReplies, doubledRequests } = this.faults;
      const ask = (isHeard: boolean): void => {
        if (here.chance.chance(lostRequests)) return isHeard ? fail(300) : undefined;
        const arrive = (): void => {
          void node.answer(request).then((reply) => {
            if (!isHeard) return;
            if (here.chance.chance(lostReplies) || browser?.isOnline === false) return fail(300);
            here.clock.after(this.delay(), () => resolve(responseOf(reply)), tab);
          });
        };
        here.clock.after(this.delay(), arrive, node.actor);
      };
      // A server that dies says nothing more.
      here.clock.after(3_000, () => reject(new TypeError('fetch failed')), tab);
      ask(true);
      if (here.chance.chance(doubledRequests)) ask(false);
    });
  }

  /** Everything that hangs on a server that died is noticed by the browsers sooner or later. */
  drop(actor: Actor): void {
    for (const link of this.links) if (link.server.actor === actor) link.cut('client');
  }
}

const responseOf = ({ status, body }: Reply) => {
  const text = JSON.stringify(body);
  return {
    ok: status < 400,
    status,
    headers: new Headers(),
    json: async () => JSON.parse(text) as unknown,
    text: async () => text,
  };
};

type Answer = (...values: unknown[]) => void;

interface Side {
  actor: Actor;
  receive(event: string, args: unknown[]): void;
  lose(reason: string): void;
}

/** One connection of a browser with a server: in order, each way, until it is cut. */
export class Link {
  readonly client: ClientSocket & Side;
  readonly server: ServerSocket & Side;
  readonly #free = { client: 0, server: 0 };
  /** Until when nothing reaches the browser. */
  stalledUntil = 0;
  /** Messages on their way to the browser. */
  queued = 0;
  isCut = false;
  /** A frame was lost, which the browser notices at the next one. */
  hasHole = false;

  constructor(client: ClientSocket & Side, server: ServerSocket & Side) {
    this.client = client;
    this.server = server;
    here.network.links.add(this);
  }

  toServer(event: string, args: unknown[]): void {
    this.#send(this.server, 'server', event, args);
  }

  toClient(event: string, args: unknown[]): void {
    here.network.watch.sent(this, event, args);
    const { lostFrames, doubledFrames } = here.network.faults;
    if (event === 'f' && here.chance.chance(lostFrames)) {
      this.hasHole = true;
      return;
    }
    this.#send(this.client, 'client', event, args);
    if (event === 'f' && here.chance.chance(doubledFrames))
      this.#send(this.client, 'client', event, args);
  }

  #send(to: Side, way: 'client' | 'server', event: string, args: unknown[]): void {
    if (this.isCut) return;
    const earliest = way === 'client' ? this.stalledUntil : 0;
    const at = Math.max(this.#free[way], earliest, here.clock.now + here.network.delay());
    this.#free[way] = at;
    const isToClient = way === 'client';
    if (isToClient) this.queued += 1;
    const copies = args.map((value) =>
      typeof value === 'function' ? this.#answerTo(value as Answer, to) : copyOf(value),
    );
    here.clock.after(
      at - here.clock.now,
      () => {
        if (isToClient) this.queued -= 1;
        if (this.isCut) return;
        if (isToClient && this.client.link !== this) return;
        to.receive(event, copies);
        if (isToClient) here.network.watch.delivered(this, event, copies);
      },
      to.actor,
    );
  }

  /** An acknowledgement goes back the way it came. */
  #answerTo(heard: Answer, { actor }: Side): Answer {
    const back = actor === this.server.actor ? this.client.actor : this.server.actor;
    return (...values) => {
      const hear = (): void => {
        if (!this.isCut) heard(...values.map(copyOf));
      };
      here.clock.after(here.network.delay(), hear, back);
    };
  }

  /** Nothing arrives from now on, either way. */
  cut(firstToNotice: Cut, reason = 'transport close'): void {
    if (this.isCut) return;
    this.isCut = true;
    const late = (): number => here.chance.between(500, noticing);
    const soon = (): number => here.chance.between(0, 10);
    const client = firstToNotice === 'server' ? late() : soon();
    const server = firstToNotice === 'client' ? late() : soon();
    here.clock.after(client, () => this.#lostByClient(reason), this.client.actor);
    here.clock.after(server, () => this.#lostByServer(), this.server.actor);
  }

  #lostByClient(reason: string): void {
    if (this.client.link === this) this.client.lose(reason);
  }

  #lostByServer(): void {
    this.server.lose('transport close');
    here.network.links.delete(this);
  }

  /** The server ends it: what it sent before still arrives. */
  end(): void {
    here.network.links.delete(this);
    const at = Math.max(this.#free.client, here.clock.now + here.network.delay());
    const close = (): void => {
      if (this.isCut) return;
      this.isCut = true;
      this.#lostByClient('io server disconnect');
    };
    here.clock.after(Math.min(at - here.clock.now, noticing), close, this.client.actor);
  }

  /** The browser ends it. */
  leave(): void {
    if (this.isCut) return;
    this.isCut = true;
    here.clock.after(here.network.delay(), () => this.#lostByServer(), this.server.actor);
  }
}

function copyOf(value: unknown): unknown {
  return value === undefined || value instanceof Uint8Array
    ? value
    : (JSON.parse(JSON.stringify(value)) as unknown);
}
