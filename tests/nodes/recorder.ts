import { io, type Socket } from 'socket.io-client';
import { entityNames } from '#lib/shared/entities.ts';
import { unpackId } from '#lib/shared/ids.ts';
import {
  protocolVersion,
  type ClientMessages,
  type Cursor,
  type Frame,
  type ServerMessages,
} from '#lib/shared/wire.ts';

const deals = entityNames.indexOf('deals');

/** Watches the deals of a pipeline as a browser does, and keeps which versions came, in what order. */
export class Recorder {
  /** The versions of each deal as they came, after the one that the rows began with. */
  readonly versions = new Map<string, number[]>();
  readonly begun = new Map<string, number>();
  /** What must not be: a frame that does not begin where the last one ended. */
  readonly gaps: string[] = [];
  /** Connections that were given all rows anew, the first included. */
  starts = 0;
  /** Connections that went on where another had ended. */
  resumes = 0;
  connections = 0;
  position = 0;
  readonly #socket: Socket<ServerMessages, ClientMessages>;
  readonly #topic: string;
  #cursor: Cursor | undefined;
  #epoch = '';
  #wait: number | undefined;
  #isStopped = false;

  constructor(options: { url: string; token: string; pipelineId: string; cursor?: Cursor }) {
    this.#cursor = options.cursor && { ...options.cursor };
    this.position = options.cursor?.position ?? 0;
    this.#topic = `pipelineDeals/${options.pipelineId}/open`;
    this.#socket = io(options.url, {
      extraHeaders: { authorization: `Bearer ${options.token}` },
      transports: ['websocket'],
      auth: { organization: 'demo', protocol: protocolVersion },
      forceNew: true,
      reconnectionDelay: 100,
      reconnectionDelayMax: 500,
    });
    this.#listen();
  }

  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket.disconnect();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('bye', (_, wait) => (this.#wait = wait));
    socket.on('disconnect', (reason) => {
      if (reason === 'io server disconnect') setTimeout(() => this.#again(), this.#wait ?? 500);
      this.#wait = undefined;
    });
    socket.on('connect_error', () => {
      if (!socket.active) setTimeout(() => this.#again(), 100);
    });
    socket.on('welcome', ({ epoch }) => {
      this.#epoch = epoch;
      this.connections += 1;
      const cursor = this.#cursor && { cursor: this.#cursor };
      socket.emit('subscribe', { topics: [this.#topic], totals: [], ...cursor });
    });
    socket.on('start', ({ position, rights, resumed }) => {
      if (resumed) this.resumes += 1;
      else this.starts += 1;
      if (resumed && position !== this.position) this.gaps.push(`resumed at ${position}`);
      if (position < this.position) this.gaps.push(`back from ${this.position} to ${position}`);
      this.position = position;
      this.#cursor = { epoch: this.#epoch, position, rights };
    });
    socket.on('rows', (_, body, late) => {
      const rows = JSON.parse(new TextDecoder().decode(body)) as [string, number][];
      for (const [id, rev] of rows) if (!this.begun.has(id)) this.begun.set(id, rev);
      this.#take(late);
    });
    socket.on('f', ([from, to, txs = []]) => {
      if (from !== this.position) this.gaps.push(`${this.position} is followed by ${from}`);
      this.position = to;
      if (this.#cursor) this.#cursor.position = to;
      this.#take(txs);
    });
  }

  #again(): void {
    if (!this.#isStopped) this.#socket.connect();
  }

  #take(txs: NonNullable<Frame[2]>): void {
    for (const [, , ops] of txs) {
      for (const [entity, packed, rev] of ops) {
        if (entity !== deals) continue;
        const id = unpackId(packed);
        const seen = this.versions.get(id) ?? [];
        seen.push(rev);
        this.versions.set(id, seen);
      }
    }
  }
}
