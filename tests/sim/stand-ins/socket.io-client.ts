import type { Actor } from '../clock.ts';
import type { Timer } from '../clock.ts';
import { here } from '../here.ts';
import { Link } from '../network.ts';
import type { ServerSocket } from './socket.io.ts';

type Handler = (...args: unknown[]) => void;

interface Options {
  extraHeaders?: Record<string, string>;
  auth: Record<string, unknown>;
  reconnectionDelay: number;
  reconnectionDelayMax: number;
}

/** One attempt to connect; what comes of one that was given up does not count. */
export interface Knock {
  actor: Actor;
  accepted(server: ServerSocket): Link | undefined;
  refused(error: Error): void;
}

/** The browser side of Socket.IO as the product uses it: comes back by itself, keeps what is said meanwhile. */
export class ClientSocket {
  readonly actor: Actor = here.clock.current;
  connected = false;
  /** Whether it comes back by itself. */
  active = false;
  id: string | undefined;
  readonly #options: Options;
  readonly #handlers = new Map<string, Handler[]>();
  #link: Link | undefined;
  #attempt = 0;
  #number = 0;
  #tries = 0;
  #timer: Timer | undefined;
  #unsaid: [event: string, args: unknown[]][] = [];

  constructor(options: Options) {
    this.#options = options;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  on(event: string, run: Handler): this {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), run]);
    return this;
  }

  emit(event: string, ...args: unknown[]): this {
    if (this.connected) this.#link?.toServer(event, args);
    else this.#unsaid.push([event, args]);
    return this;
  }

  connect(): this {
    if (this.active && (this.connected || this.#timer || this.#attempt > 0)) return this;
    this.active = true;
    this.#tries = 0;
    this.#open();
    return this;
  }

  disconnect(): this {
    this.active = false;
    this.#stopTrying();
    this.#link?.leave();
    this.#gone('io client disconnect');
    return this;
  }

  #stopTrying(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#attempt = 0;
    this.#number += 1;
  }

  #open(): void {
    this.#timer = undefined;
    this.#attempt = 1;
    this.#number += 1;
    const number = this.#number;
    const node = here.network.choose();
    const fail = (): void => {
      if (number !== this.#number) return;
      this.#attempt = 0;
      this.#again();
      this.#tell('connect_error', [new Error('websocket error')]);
    };
    if (!node || !here.browserOf?.()?.isOnline) return void here.clock.after(20, fail);
    const { extraHeaders: headers = {}, auth } = this.#options;
    const handshake = { headers, auth, address: '127.0.0.1' };
    const knock = this.#knock(number);
    here.clock.after(
      here.network.delay(),
      () => node.sockets?.connect(node.actor, knock, handshake),
      node.actor,
    );
    // Nobody answers.
    here.clock.after(5_000, () => {
      if (this.#attempt > 0) fail();
    });
  }

  #knock(number: number): Knock {
    const isOver = (): boolean => number !== this.#number || !this.actor.isAlive;
    return {
      actor: this.actor,
      accepted: (server: ServerSocket): Link | undefined => {
        if (isOver()) return undefined;
        return (this.#link = new Link(this, server));
      },
      refused: (error: Error): void => {
        if (isOver()) return;
        this.#attempt = 0;
        this.active = false;
        this.#tell('connect_error', [error]);
      },
    };
  }

  #again(): void {
    if (!this.active || this.#timer) return;
    const { reconnectionDelay, reconnectionDelayMax } = this.#options;
    const wait = Math.min(reconnectionDelayMax, reconnectionDelay * 2 ** this.#tries);
    this.#tries += 1;
    this.#timer = here.clock.after(
      wait * here.chance.between(0.5, 1.5),
      () => this.#open(),
      this.actor,
    );
  }

  receive(event: string, args: unknown[]): void {
    if (event === 'connect') {
      this.connected = true;
      this.#attempt = 0;
      this.#tries = 0;
      this.id = String(args[0]);
      const unsaid = this.#unsaid;
      this.#unsaid = [];
      for (const [name, those] of unsaid) this.emit(name, ...those);
    } else if (this.connected) this.#tell(event, args);
  }

  lose(reason: string): void {
    if (reason === 'io server disconnect') this.active = false;
    this.#attempt = 0;
    this.#gone(reason);
    this.#again();
  }

  #gone(reason: string): void {
    this.#link = undefined;
    if (!this.connected) return;
    this.connected = false;
    this.id = undefined;
    this.#tell('disconnect', [reason]);
  }

  #tell(event: string, args: unknown[]): void {
    for (const run of this.#handlers.get(event) ?? []) run(...args);
  }
}

export type Socket = ClientSocket;

export const io = (_origin: string, options: Options): ClientSocket => new ClientSocket(options);
