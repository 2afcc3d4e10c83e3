import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Link } from './link.ts';

/** Nodes of one version of these messages hear each other. */
const version = 1;
/** Rounds are this far apart at least, and at most: what is to be said meanwhile is said together. */
const gather = 4;
const beatEvery = 1_000;
/** Who was not heard for so long is taken for gone; if it is this node itself, its line is. */
export const patience = 5_000;
const longestWait = 2_000;

/** A part of the program that has something to tell its like on the other nodes. */
export interface Talker<Body> {
  /** What there is to say now, if anything. It may never arrive. */
  take(): Body | undefined;
  hear(node: string, body: Body): void;
  /** Every second. */
  beat?(): void;
}

type Words = Record<string, unknown>;

/**
 * What nodes tell each other through Redis: hints, and who is here. All of it may be lost, so nothing
 * that must be true may stand on it alone; without Redis a node works on by itself.
 */
export class Bus {
  readonly node: string = randomUUID();
  readonly #url: string;
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  readonly #talkers = new Map<string, Talker<unknown>>();
  #channel = '';
  #link: Link | undefined;
  #isWanted = false;
  #isTalking = false;
  /** When this node last heard itself, or began to try; and whether it did on this link. */
  #heard = 0;
  #isHeard = false;
  #beat: NodeJS.Timeout | undefined;
  readonly #stopping = new AbortController();

  constructor({ url, log }: { url: string; log: Pick<Logger, 'info' | 'warn'> }) {
    this.#url = url;
    this.#log = log;
  }

  join<Body>(name: string, talker: Talker<Body>): void {
    this.#talkers.set(name, talker);
  }

  /** `group`: only nodes of the same group hear each other. */
  start(group: string): void {
    this.#channel = `syncline:${version}:${group}`;
    this.#beat = setInterval(() => this.#onBeat(), beatEvery);
    void this.#keepLink();
  }

  /** Whether this node hears what it says, and so the others. */
  get isUp(): boolean {
    return this.#isHeard && performance.now() - this.#heard < patience;
  }

  /** Somebody has something to say. */
  stir(): void {
    this.#isWanted = true;
    if (!this.#isTalking) void this.#talk();
  }

  /** Says what is left to say, and is silent from then on. */
  async stop(): Promise<void> {
    clearInterval(this.#beat);
    await Promise.race([this.#sayAll(), sleep(gather * 50)]).catch(() => undefined);
    this.#stopping.abort();
    this.#link?.cut();
  }

  /** One round at a time: on a slow line rounds become fewer and fuller, and nothing piles up. */
  async #talk(): Promise<void> {
    this.#isTalking = true;
    while (this.#isWanted && this.#link) {
      this.#isWanted = false;
      await this.#sayAll().catch(() => undefined);
      await sleep(gather);
    }
    this.#isTalking = false;
  }

  async #sayAll(): Promise<void> {
    const words: Words = {};
    for (const [name, talker] of this.#talkers) words[name] = talker.take();
    await this.#link?.say(JSON.stringify([this.node, words]));
  }

  #hear(text: string): void {
    try {
      const [node, words] = JSON.parse(text) as [string, Words];
      if (node === this.node) {
        this.#heard = performance.now();
        this.#isHeard = true;
        return;
      }
      for (const [name, body] of Object.entries(words)) this.#talkers.get(name)?.hear(node, body);
    } catch (error) {
      this.#log.warn({ err: error }, 'what another node said was not understood');
    }
  }

  #onBeat(): void {
    // A line may be dead without a word: Redis returns what this node says, or the line is new.
    if (performance.now() - this.#heard > patience) this.#link?.cut();
    for (const talker of this.#talkers.values()) talker.beat?.();
    this.stir();
  }

  async #keepLink(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const link = new Link({
        url: this.#url,
        channel: this.#channel,
        patience,
        onText: (text) => this.#hear(text),
      });
      this.#heard = performance.now();
      this.#link = link;
      const reason: unknown = await link.open().then(
        () => {
          if (failures > 0) this.#log.info('other nodes can be heard again');
          failures = 0;
          this.stir();
          return link.ended;
        },
        (error: unknown) => error,
      );
      // Said once an outage.
      if (failures === 0 && !signal.aborted) {
        this.#log.warn({ err: reason }, 'other nodes cannot be heard');
      }
      link.cut();
      this.#link = undefined;
      this.#isHeard = false;
      const wait = Math.min(longestWait, 50 * 2 ** Math.min(failures, 10));
      await sleep(wait * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }
}
