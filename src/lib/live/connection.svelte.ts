import { io, type Socket } from 'socket.io-client';
import type { ClientMessages, CloseReason, ServerMessages } from '#lib/shared/wire.ts';
import { protocolVersion } from '#lib/shared/wire.ts';

/** Browsers say false when they know that there is no network; others say nothing. */
export const isOnline = (): boolean => navigator.onLine !== false;

export type ConnectionState = 'online' | 'reconnecting' | 'offline';
export type LiveSocket = Socket<ServerMessages, ClientMessages>;

/** How long a lost line counts as one that is coming back, in milliseconds. */
const patience = 4_000;

/** Where the server is and what to show it; a page needs neither: its own origin and cookies are used. */
export interface ServerAddress {
  origin?: string;
  headers?: Record<string, string>;
}

interface Options {
  organization: string;
  server: ServerAddress;
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
  /** After how many milliseconds the server wants to be asked again. */
  #wait: number | undefined;
  readonly #dropListeners: () => void;

  constructor(options: Options) {
    this.#options = options;
    const { origin, headers } = options.server;
    this.socket = io(origin ?? '', {
      ...(headers ? { extraHeaders: headers } : {}),
      transports: ['websocket'],
      auth: { organization: options.organization, protocol: protocolVersion },
      autoConnect: false,
      reconnectionDelay: 300,
      reconnectionDelayMax: 4_000,
      randomizationFactor: 0.5,
    });
    this.socket.on('disconnect', (reason) => {
      this.#down();
      if (reason !== 'io server disconnect') return;
      setTimeout(() => this.socket.connect(), this.#wait ?? Math.random() * 2_000);
      this.#wait = undefined;
    });
    this.socket.on('connect_error', ({ message }) => {
      this.#down();
      if (message === 'UNAUTHENTICATED') this.#end('signedOut');
      else if (message === 'TOO_OLD') this.#end('tooOld');
      else if (!this.socket.active) setTimeout(() => this.socket.connect(), 2_000);
    });
    this.socket.on('bye', (reason, wait) => {
      this.#wait = wait;
      if (reason === 'signedOut' || reason === 'removed') this.#end(reason);
    });
    const offline = (): void => {
      this.socket.disconnect();
      this.#down();
    };
    const online = (): void => void this.socket.connect();
    const page: Partial<Pick<Window, 'addEventListener'>> = globalThis;
    const stop = new AbortController();
    page.addEventListener?.('offline', offline, { signal: stop.signal });
    page.addEventListener?.('online', online, { signal: stop.signal });
    this.#dropListeners = () => stop.abort();
  }

  start(): void {
    if (isOnline()) this.socket.connect();
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
    if (!isOnline()) this.state = 'offline';
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
