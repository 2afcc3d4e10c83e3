import type { Api } from '#lib/api.ts';
import { toCallError } from '#lib/api.ts';
import type { AppError } from '#lib/shared/errors.ts';
import { changeNamed } from '#lib/shared/change.ts';
import type { Pending } from './store.svelte.ts';
import type { UnsentChange, UnsentChanges } from './unsent.ts';

/** What became of a change. `requestId` finds a failed one in the server's log. */
export type Outcome =
  { ok: true; data: unknown } | { ok: false; error: AppError; requestId: string | undefined };

interface Entry {
  pending: Pending;
  isSent: boolean;
  settle(outcome: Outcome): void;
}

interface Options {
  api: Api;
  /** Whether it makes sense to send at all. */
  canSend(): boolean;
  onAnswer(): void;
  /** The browser's own store of unsent changes, where there is one. */
  unsent?: UnsentChanges | undefined;
  /** A change that an earlier tab had left was refused: nobody waits for its outcome. */
  onRefused(change: string, error: AppError): void;
}

/** Errors that say nothing against the change: it is kept, and sent again. */
const passing = new Set<string>(['UNAVAILABLE', 'TOO_MANY', 'UNAUTHENTICATED']);
const retryAfter = [300, 700, 1_500, 3_000, 5_000];

/**
 * Changes on their way to the server. Each carries an id of its own, so that one sent twice has one
 * effect; one that needs a record made by an earlier one waits for it, others do not wait for each other.
 */
export class Outbox {
  readonly #options: Options;
  #entries: Entry[] = [];
  #retries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Changes that the server has not answered. */
  unsent = $state(0);

  constructor(options: Options) {
    this.#options = options;
  }

  /** Changes that are not in the base rows yet, in order: answered ones wait for their position. */
  get pending(): Pending[] {
    return this.#entries.map(({ pending }) => pending);
  }

  add(pending: Pending): Promise<Outcome> {
    return new Promise((settle) => {
      this.#entries.push({ pending, isSent: false, settle });
      const { clientId, seq, change, input, moment } = pending;
      void this.#options.unsent?.keep({
        clientId,
        seq,
        name: change.name,
        input,
        madeAt: moment.now,
      });
      this.#count();
      this.flush();
    });
  }

  /** Takes over what earlier tabs have left, before whatever this one has made meanwhile. */
  adopt(left: UnsentChange[], memberId: string): void {
    const entries = left.map(({ clientId, seq, name, input, madeAt }) => ({
      pending: {
        clientId,
        seq,
        change: changeNamed(name) ?? { name, apply: () => undefined },
        input,
        moment: { memberId, now: madeAt },
      },
      isSent: false,
      settle: (outcome: Outcome) => {
        if (!outcome.ok) this.#options.onRefused(name, outcome.error);
      },
    }));
    this.#entries = [...entries, ...this.#entries];
    this.#count();
    this.flush();
  }

  /** Sends whatever may go now. */
  flush(): void {
    if (!this.#options.canSend()) return;
    const waiting = new Set<unknown>();
    for (const entry of this.#entries) {
      if (entry.pending.position !== undefined) continue;
      const ids = idsIn(entry.pending.input);
      const isFree = !ids.some((id) => waiting.has(id));
      waiting.add(ids[0]);
      if (isFree && !entry.isSent) void this.#send(entry);
    }
  }

  /** Lets go of the answered changes that the base rows have passed; says whether there were any. */
  confirm(position: number): boolean {
    const kept = this.#entries.filter(
      ({ pending }) => pending.position === undefined || pending.position > position,
    );
    const changed = kept.length !== this.#entries.length;
    this.#entries = kept;
    return changed;
  }

  /** The lowest position that an answered change still waits for. */
  get awaited(): number | undefined {
    const positions = this.#entries.flatMap(({ pending }) => pending.position ?? []);
    return positions.length > 0 ? Math.min(...positions) : undefined;
  }

  async #send(entry: Entry): Promise<void> {
    const { pending } = entry;
    entry.isSent = true;
    try {
      const context = { mutationId: `${pending.clientId}:${pending.seq}` };
      const answer = await this.#options.api.client.mutation(pending.change.name, pending.input, {
        context,
      });
      const { data, position } = answer as { data: unknown; position: number };
      this.#retries = 0;
      pending.position = position;
      entry.settle({ ok: true, data });
    } catch (error) {
      entry.isSent = false;
      const refusal = toCallError(error);
      if (!refusal || passing.has(refusal.code)) return this.#retry();
      this.#entries = this.#entries.filter((one) => one !== entry);
      entry.settle({ ok: false, error: refusal, requestId: refusal.requestId });
    }
    void this.#options.unsent?.drop(pending);
    this.#count();
    this.#options.onAnswer();
    this.flush();
  }

  #retry(): void {
    clearTimeout(this.#timer);
    const wait = retryAfter[Math.min(this.#retries, retryAfter.length - 1)] ?? 5_000;
    this.#retries += 1;
    this.#timer = setTimeout(() => this.flush(), wait * (0.75 + Math.random() / 2));
  }

  #count(): void {
    this.unsent = this.#entries.filter(({ pending }) => pending.position === undefined).length;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** The record a change is about first, then every other record that its input names. */
function idsIn(input: unknown): unknown[] {
  if (typeof input !== 'object' || input === null) return [input];
  const { id, ...rest } = input as Record<string, unknown>;
  return [id, ...Object.values(rest)];
}
