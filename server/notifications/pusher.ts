import type { Pool } from 'pg';
import { inboxWords } from '#lib/shared/inbox.ts';
import type { App } from '../app.ts';
import { read } from '../live/transaction.ts';
import { isWanted, linesOf, waitingIn } from './lines.ts';
import { pushKey, type PushKey } from './push-key.ts';
import { postPush } from './push-post.ts';
import { claimPush, forgetStale, settlePush, type Claim } from './push-queue.ts';
import { seenNow } from './sight.ts';

const lookEvery = 1_000;
const forgetEvery = 3_600_000;
/** So many pushes are under way at once, and so many to one host: one that hangs must not stop the others. */
const mostAtOnce = 32;
const mostToOneHost = 8;

type Parts = Pick<App, 'config' | 'log' | 'pool'>;

/** Sends what is due to browsers. Any number of nodes may do it: each browser is one node's at a time. */
export class Pusher {
  readonly #parts: Parts;
  readonly #owner: Pool;
  readonly #key: PushKey;
  readonly #running = new Set<Promise<void>>();
  readonly #hosts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #forgotAt = -Infinity;
  #isStopped = false;

  constructor(parts: Parts, owner: Pool) {
    this.#parts = parts;
    this.#owner = owner;
    this.#key = pushKey(parts.config);
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((err: unknown) => this.#parts.log.warn({ err }, 'pushes could not be looked for'))
        .finally(() => this.#isStopped || this.start());
    }, lookEvery);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all(this.#running);
  }

  async #look(): Promise<void> {
    if (performance.now() - this.#forgotAt > forgetEvery) {
      await forgetStale(this.#owner);
      this.#forgotAt = performance.now();
    }
    while (this.#running.size < mostAtOnce && !this.#isStopped) {
      const busy = [...this.#hosts].flatMap(([host, count]) =>
        count >= mostToOneHost ? [host] : [],
      );
      const claim = await claimPush(this.#owner, busy);
      if (!claim) return;
      this.#send(claim);
    }
  }

  #send(claim: Claim): void {
    const { host } = new URL(claim.endpoint);
    this.#hosts.set(host, (this.#hosts.get(host) ?? 0) + 1);
    const sending = this.#deliver(claim)
      // Its lease runs out, and then it is tried again.
      .catch((err: unknown) => this.#parts.log.warn({ err }, 'a push could not be sent'))
      .finally(() => {
        this.#running.delete(sending);
        const left = (this.#hosts.get(host) ?? 1) - 1;
        if (left > 0) this.#hosts.set(host, left);
        else this.#hosts.delete(host);
      });
    this.#running.add(sending);
  }

  async #deliver(claim: Claim): Promise<void> {
    const payload = await payloadOf(this.#parts, this.#owner, claim);
    if (!payload) return settlePush(this.#owner, claim, { is: 'dropped' });
    const { endpoint, p256dh, auth, batch } = claim;
    const { outcome, status, error } = await postPush(
      { endpoint, keys: { p256dh, auth }, topic: batch.replaceAll('-', ''), payload },
      { key: this.#key, config: this.#parts.config },
    );
    if (outcome.is !== 'taken') {
      // The rest of the address opens the browser to whoever has it.
      const { host } = new URL(endpoint);
      this.#parts.log.info(
        { host, status, err: error, outcome: outcome.is },
        'a push was not taken',
      );
    }
    await settlePush(this.#owner, claim, outcome);
  }
}

/** What the browser shows; undefined where nothing is left to tell that its person may know. */
async function payloadOf(
  { pool }: Pick<App, 'pool'>,
  owner: Pool,
  { organizationId, batch }: Claim,
): Promise<string | undefined> {
  const waiting = await waitingIn(owner, { queue: 'notification_pushes', batch });
  const wanted = waiting.filter((one) => isWanted(one, 'push'));
  if (wanted.length === 0) return undefined;
  const ids = wanted.map(({ id }) => id);
  const seen = await read(pool, { organizationId, actor: 'pushes' }, (tx) => seenNow(tx, ids));
  const told = wanted.filter(({ id }) => seen.has(id));
  const [first] = told;
  const lines = await linesOf(owner, told);
  const [line] = lines;
  if (!first || !line) return undefined;
  const say = await inboxWords(first.locale);
  const shown =
    lines.length === 1
      ? line
      : {
          title: say('mail.digestSubject', { count: lines.length }),
          text: lines.map(({ title }) => title).join(', '),
          path: `/o/${first.slug}/inbox`,
        };
  return JSON.stringify({ ...shown, title: cut(shown.title), text: cut(shown.text), tag: batch });
}

/** A push has room for 3,000 bytes or so. */
const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text);
