import { io, type Socket } from 'socket.io-client';
import type { ClientMessages, CloseReason, ServerMessages } from '#lib/shared/wire.ts';
import { protocolVersion } from '#lib/shared/wire.ts';

export type ConnectionState = 'online' | 'reconnecting' | 'offline';
export type LiveSocket = Socket<ServerMessages, ClientMessages>;

/** How long a lost line counts as one that is coming back, in milliseconds. */
const patience = 4_000;

interface Options {
  organization: string;
  onUp(): void;
  onDown(): void;
  /** The server ended it for good: signed out, or no member any more. */
  onEnd(reason: CloseReason): void;
}

/** The socket and what a person is told about it. */
export class Connection {
  readonly socket: LiveSocket;
  state = $state<ConnectionState>('reconnecting');
  readonly #options: Options;
  #patience: ReturnType<typeof setTimeout> | undefined;
  readonly #dropListeners: () => void;

  constructor(options: Options) {
    this.#options = options;
    this.socket = io({
      transports: ['websocket'],
      auth: { organization: options.organization, protocol: protocolVersion },
      autoConnect: false,
      reconnectionDelay: 300,
      reconnectionDelayMax: 4_000,
      randomizationFactor: 0.5,
    });
    this.socket.on('disconnect', (reason) => {
      this.#down();
      if (reason === 'io server disconnect') setTimeout(() => this.socket.connect(), Math.random() * 2_000);
    });
    this.socket.on('connect_error', ({ message }) => {
      this.#down();
      if (message === 'UNAUTHENTICATED') this.#end('signedOut');
      else if (message === 'TOO_OLD') this.#end('tooOld');
      else if (!this.socket.active) setTimeout(() => this.socket.connect(), 2_000);
    });
    this.socket.on('bye', (reason) => {
      if (reason === 'signedOut' || reason === 'removed') this.#end(reason);
    });
    const offline = (): void => void this.socket.disconnect();
    const online = (): void => void this.socket.connect();
    addEventListener('offline', offline);
    addEventListener('online', online);
    this.#dropListeners = () => {
      removeEventListener('offline', offline);
      removeEventListener('online', online);
    };
  }

  start(): void {
    if (navigator.onLine) this.socket.connect();
    else this.#down();
  }

  /** The rows are current: what follows comes live. */
  up(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.state = 'online';
    this.#options.onUp();
  }

  #down(): void {
    if (this.state === 'online') this.#options.onDown();
    if (!navigator.onLine) this.state = 'offline';
    else if (this.state === 'online') this.state = 'reconnecting';
    this.#patience ??= setTimeout(() => {
      if (this.state !== 'online') this.state = 'offline';
    }, patience);
  }

  #end(reason: CloseReason): void {
    this.stop();
    this.#options.onEnd(reason);
  }

  stop(): void {
    clearTimeout(this.#patience);
    this.#dropListeners();
    this.socket.disconnect();
  }
}
