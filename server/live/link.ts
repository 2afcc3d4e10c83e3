import { createClient } from '@redis/client';

interface Options {
  url: string;
  channel: string;
  /** Milliseconds that connecting may take. */
  patience: number;
  onText(text: string): void;
}

/** One life of the two connections to Redis: one speaks, the other listens. It is never mended. */
export class Link {
  readonly #speaker;
  readonly #listener;
  readonly #channel: string;
  readonly #onText: (text: string) => void;
  readonly ended: Promise<unknown>;
  #end: (reason: unknown) => void = () => undefined;

  constructor({ url, channel, patience, onText }: Options) {
    this.#channel = channel;
    this.#onText = onText;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const connect = () =>
      createClient({ url, socket: { reconnectStrategy: false, connectTimeout: patience } })
        .on('error', (error) => this.#end(error))
        .on('end', () => this.#end(new Error('The connection has ended')));
    this.#speaker = connect();
    this.#listener = connect();
  }

  async open(): Promise<void> {
    const opening = Promise.all([
      this.#speaker.connect(),
      this.#listener
        .connect()
        .then(() => this.#listener.subscribe(this.#channel, (text) => this.#onText(text))),
    ]);
    opening.catch(() => undefined);
    const failed = this.ended.then(() => Promise.reject(new Error('Redis cannot be reached')));
    failed.catch(() => undefined);
    await Promise.race([opening, failed]);
  }

  async say(text: string): Promise<void> {
    if (this.#speaker.isReady) await this.#speaker.publish(this.#channel, text);
  }

  cut(): void {
    for (const client of [this.#speaker, this.#listener]) if (client.isOpen) client.destroy();
    this.#end(new Error('The connection was given up'));
  }
}
