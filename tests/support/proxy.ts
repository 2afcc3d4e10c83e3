import * as net from 'node:net';

/** A TCP line between a client and a server, which a test can spoil while it is in use. */
export interface Proxy {
  port: number;
  /** Open lines now. */
  readonly lines: number;
  /** Breaks every line and lets none in. */
  cut(): void;
  /** Nothing passes any more, in both directions, and nobody is told: a black hole. */
  hang(): void;
  /** What the server sends passes, what the client sends does not: half open. */
  deafen(): void;
  /** The lines that are open now pass nothing any more, for ever; new ones are well. */
  strand(): void;
  /** So many bytes a second in each direction of each line. */
  slow(bytesPerSecond: number): void;
  /** Lines pass everything again, and new ones are let in; what was kept back goes on its way. */
  heal(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Direction = 'up' | 'down';
const slice = 50;

export async function startProxy(target: () => number | undefined): Promise<Proxy> {
  let isCut = false;
  let stopped: ReadonlySet<Direction> = new Set();
  let rate = Infinity;
  const lines = new Set<Line>();
  const flow = { isStopped: (way: Direction) => stopped.has(way), rate: () => rate };

  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const port = target();
    if (isCut || port === undefined) return void client.resetAndDestroy();
    const line = new Line(client, port, flow, () => lines.delete(line));
    lines.add(line);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const spoil = (ways: Direction[], bytesPerSecond = Infinity) => {
    isCut = false;
    stopped = new Set(ways);
    rate = bytesPerSecond;
    for (const line of lines) line.flow();
  };
  const breakAll = () => {
    for (const line of lines) line.break();
  };
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    breakAll();
    await closed;
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    get lines() {
      return lines.size;
    },
    cut() {
      isCut = true;
      breakAll();
    },
    hang: () => spoil(['up', 'down']),
    deafen: () => spoil(['up']),
    strand() {
      for (const line of lines) line.strand();
    },
    slow: (bytesPerSecond) => spoil([], bytesPerSecond),
    heal: () => spoil([]),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Flow {
  isStopped(way: Direction): boolean;
  rate(): number;
}

class Line {
  readonly #pipes: Pipe[];
  readonly #ends: net.Socket[];
  #isStranded = false;

  constructor(client: net.Socket, port: number, flow: Flow, onEnd: () => void) {
    const server = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.#ends = [client, server];
    const isStopped = (way: Direction) => this.#isStranded || flow.isStopped(way);
    this.#pipes = [
      new Pipe(client, server, () => isStopped('up'), flow.rate),
      new Pipe(server, client, () => isStopped('down'), flow.rate),
    ];
    for (const end of this.#ends) {
      end.on('error', () => this.break());
      end.on('close', () => {
        onEnd();
        // In a black hole nobody learns that the other end is gone.
        if (!isStopped('up') || !isStopped('down')) this.break();
      });
    }
  }

  strand(): void {
    this.#isStranded = true;
  }

  flow(): void {
    for (const pipe of this.#pipes) pipe.flow();
    if (this.#ends.some(({ destroyed }) => destroyed)) this.break();
  }

  break(): void {
    for (const end of this.#ends) if (!end.destroyed) end.resetAndDestroy();
  }
}

/** One direction; what cannot pass is not read, so that the sender's buffers fill as on a real line. */
class Pipe {
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #isStopped: () => boolean;
  readonly #rate: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: net.Socket, to: net.Socket, isStopped: () => boolean, rate: () => number) {
    this.#from = from;
    this.#to = to;
    this.#isStopped = isStopped;
    this.#rate = rate;
    from.on('readable', () => this.flow());
    from.on('end', () => this.#isStopped() || to.end());
    to.on('drain', () => this.flow());
  }

  flow(): void {
    if (this.#timer || this.#isStopped() || this.#to.writableNeedDrain) return;
    const rate = this.#rate();
    if (rate === Infinity) {
      for (let chunk = this.#read(); chunk && this.#to.write(chunk); chunk = this.#read());
      return;
    }
    const chunk = this.#read(Math.max(1, Math.round((rate * slice) / 1000)));
    if (!chunk) return;
    this.#to.write(chunk);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flow();
    }, slice);
  }

  #read(most?: number): Buffer | null {
    const size = most && Math.min(most, this.#from.readableLength);
    return this.#from.read(size || undefined) as Buffer | null;
  }
}
