import type { Api } from '#lib/api.ts';
import { toCallError } from '#lib/api.ts';
import type { AppError } from '#lib/shared/errors.ts';
import { changeNamed, type AnyChange } from '#lib/shared/change.ts';
import type { Pending, ShownAs } from './store.svelte.ts';
import { isMoot } from './undo.ts';
import type { RefusedChange, UnsentChange, UnsentChanges } from './unsent.ts';

/** What became of a change. `requestId` finds a failed one in the server's log. */
export type Outcome =
  { ok: true; data: unknown } | { ok: false; error: AppError; requestId: string | undefined };

/** A place in the log; positions of two lives of the database do not compare. */
interface Place {
  epoch: string;
  position: number;
}

/** Whether the one who made a change answers this refusal, with the input still on the screen. */
export type Handles = (error: AppError) => boolean;

interface Entry {
  pending: Pending;
  kept: UnsentChange;
  links: Links;
  state: 'waiting' | 'sent' | 'again';
  /** Counts only while the answer comes at once. */
  handles: Handles | undefined;
  settle(outcome: Outcome): void;
}

interface Options {
  api: Api;
  /** Whether it makes sense to send at all. */
  canSend(): boolean;
  /** The answer took a change back, or said where in the log it is. */
  onAnswer(answer: 'done' | 'refused'): void;
  /** The browser's own store of unsent changes, where there is one. */
  unsent?: Pick<UnsentChanges, 'keep' | 'drop'> | undefined;
  /** It goes to the tray. `isMine` where this tab made it, and tells who made it what became of it. */
  onRefused(refused: RefusedChange, isMine: boolean): void;
}

interface Made {
  about?: string | undefined;
  /** A refused change that this one is another attempt at. */
  insteadOf?: RefusedChange | undefined;
  handles?: Handles | undefined;
}

/** Errors that say nothing against the change: it is kept, and sent again. */
const passing = new Set<string>(['UNAVAILABLE', 'TOO_MANY', 'UNAUTHENTICATED']);
const retryAfter = [300, 700, 1_500, 3_000, 5_000];
/** As many as a browser has connections to one server, and a few that wait for one. */
const mostAtOnce = 8;

/**
 * Changes on their way to the server. Each carries an id of its own, so that one sent twice has one
 * effect. Two that touch the same record, or of which one names the record that the other changes, go
 * in the order they were made, and a deletion goes after all that were made before it; others do not
 * wait for each other.
 */
export class Outbox {
  readonly #options: Options;
  #entries: Entry[] = [];
  #retries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #underWay = 0;
  #isStopped = false;
  /** The life of the database that the rows are of, and those before it. */
  #epoch = '';
  readonly #past = new Set<string>();
  /** Changes that the server has not answered. */
  unsent = $state(0);

  constructor(options: Options) {
    this.#options = options;
  }

  /** Changes that are not in the base rows yet, in order: answered ones wait for their position. */
  get pending(): Pending[] {
    return this.#entries.map(({ pending }) => pending);
  }

  /** What waits for an answer, and whether it is on its way, for the one who looks into the engine. */
  get waiting(): { change: UnsentChange; state: Entry['state'] }[] {
    return this.#entries
      .filter(({ pending }) => pending.position === undefined)
      .map(({ kept, state }) => ({ change: kept, state }));
  }

  add(pending: Pending, { about, insteadOf, handles }: Made = {}): Promise<Outcome> {
    return new Promise((settle) => {
      const { clientId, seq, change, input, moment, shownAs } = pending;
      const kept = { clientId, seq, name: change.name, input, madeAt: moment.now, about, shownAs };
      const entry = entryOf(pending, { kept, handles, settle });
      this.#entries.push(entry);
      void this.#options.unsent?.keep(kept, insteadOf);
      this.#count();
      this.#next();
      if (entry.state !== 'sent') entry.handles = undefined;
    });
  }

  /** Takes over what other tabs have left, each in its place by the time it was made. */
  adopt(left: UnsentChange[], memberId: string): void {
    const entries = left.map((kept) => {
      const { clientId, seq, name, input, madeAt, shownAs } = kept;
      const moment = { memberId, now: madeAt };
      const pending = { clientId, seq, change: recalled(name, shownAs), input, moment, shownAs };
      return entryOf(pending, { kept });
    });
    this.#entries = merged(this.#entries, entries);
    this.#count();
    this.flush();
  }

  /**
   * Lets go of a change that was never on its way and that no later one hangs on; false where it has to
   * be taken back by another.
   */
  withdraw(pending: Pending): boolean {
    const at = this.#entries.findIndex((one) => one.pending === pending);
    const entry = this.#entries[at];
    if (entry?.state !== 'waiting') return false;
    const touched = new Set(entry.links.changes);
    const later = this.#entries.slice(at + 1);
    if (later.some(({ links }) => links.names.some((id) => touched.has(id)))) return false;
    this.#entries = this.#entries.filter((one) => one !== entry);
    void this.#options.unsent?.drop(entry.kept);
    this.#count();
    entry.settle({ ok: true, data: undefined });
    this.#next();
    return true;
  }

  /** Sends whatever may go now; what failed a moment ago does not wait any longer. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next();
  }

  /** Lets go of the answered changes that the base rows have passed; says whether there were any. */
  confirm(rows: Place): boolean {
    return this.#letGo(
      (answered) => answered.epoch === rows.epoch && answered.position <= rows.position,
    );
  }

  /**
   * The rows that come are of this life of the database. Positions of an earlier one say nothing in it:
   * what was answered there is in the rows, or was lost with that life.
   */
  live(epoch: string): void {
    if (this.#epoch && this.#epoch !== epoch) this.#past.add(this.#epoch);
    this.#epoch = epoch;
    this.#letGo((answered) => answered.epoch !== epoch);
  }

  #letGo(isOver: (answered: Place) => boolean): boolean {
    const kept = this.#entries.filter(({ pending: { position, epoch = this.#epoch } }) => {
      return position === undefined || !isOver({ epoch, position });
    });
    const changed = kept.length !== this.#entries.length;
    this.#entries = kept;
    return changed;
  }

  /** The lowest position that an answered change still waits for in this life. */
  get awaited(): number | undefined {
    const positions = this.#entries.flatMap(({ pending: { position, epoch } }) =>
      position !== undefined && (epoch ?? this.#epoch) === this.#epoch ? position : [],
    );
    return positions.length > 0 ? Math.min(...positions) : undefined;
  }

  #next(): void {
    if (this.#isStopped || this.#timer !== undefined || !this.#options.canSend()) return;
    const changed = new Set<string>();
    const named = new Set<string>();
    for (const entry of this.#entries) {
      if (this.#underWay >= mostAtOnce) return;
      const { pending, links, state } = entry;
      if (pending.position !== undefined) continue;
      const { changes, names, waitsForAll } = links;
      const isFree =
        !(waitsForAll && named.size > 0) &&
        !names.some((id) => changed.has(id)) &&
        !changes.some((id) => named.has(id));
      if (isFree && state !== 'sent') void this.#send(entry);
      for (const id of changes) changed.add(id);
      for (const id of names) named.add(id);
    }
  }

  async #send(entry: Entry): Promise<void> {
    const { pending, kept } = entry;
    entry.state = 'sent';
    this.#underWay += 1;
    let answer: 'done' | 'refused' = 'done';
    try {
      const context = { mutationId: `${pending.clientId}:${pending.seq}` };
      const { data, position, epoch } = (await this.#options.api.client.mutation(
        pending.change.name,
        pending.input,
        { context },
      )) as { data: unknown; position: number; epoch?: string };
      this.#retries = 0;
      Object.assign(pending, { position, epoch });
      // It was under way while the database was restored.
      if (epoch && this.#past.has(epoch)) this.#letGo((answered) => answered.epoch === epoch);
      void this.#options.unsent?.drop(kept);
      entry.settle({ ok: true, data });
    } catch (error) {
      const refusal = toCallError(error);
      if (!refusal || passing.has(refusal.code)) {
        this.#underWay -= 1;
        entry.state = 'again';
        entry.handles = undefined;
        return this.#retry(refusal?.details.retryAfter);
      }
      answer = 'refused';
      this.#entries = this.#entries.filter((one) => one !== entry);
      this.#refuse(entry, refusal);
    }
    this.#underWay -= 1;
    this.#count();
    this.#options.onAnswer(answer);
    this.#next();
  }

  #refuse({ kept, handles, settle }: Entry, error: AppError & { requestId?: string }): void {
    const { code, details, requestId } = error;
    const refused = { ...kept, refusedAt: Date.now(), code, details, requestId };
    if (handles?.(error) || isMoot(kept.name, error)) void this.#options.unsent?.drop(kept);
    else this.#options.onRefused(refused, settle !== nobody);
    settle({ ok: false, error, requestId });
  }

  #retry(seconds = 0): void {
    const wait = retryAfter[Math.min(this.#retries, retryAfter.length - 1)] ?? 5_000;
    this.#retries += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.flush(),
      Math.max(wait * (0.75 + Math.random() / 2), seconds * 1_000),
    );
  }

  #count(): void {
    this.unsent = this.#entries.filter(({ pending }) => pending.position === undefined).length;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}

const nobody = (): void => undefined;

function entryOf(
  pending: Pending,
  { kept, handles, settle = nobody }: Pick<Entry, 'kept'> & Partial<Entry>,
): Entry {
  return { pending, kept, handles, settle, links: linksOf(pending), state: 'waiting' };
}

/** A change that was kept by its name; it shows from when the page has loaded its feature. */
export const recalled = (name: string, shownAs?: ShownAs): AnyChange => ({
  name,
  apply: (rows, input, moment) =>
    shownAs
      ? changeNamed(shownAs.name)?.apply(rows, shownAs.input as never, moment)
      : changeNamed(name)?.apply(rows, input, moment),
});

/** The record that an input is about, where it has one, and all that it names, that one too. */
interface Links {
  changes: string[];
  names: string[];
  /** Whether a record may go depends on what points at it, which an earlier change may have turned away. */
  waitsForAll: boolean;
}

function linksOf(pending: Pending): Links {
  const { name, input } = pending.shownAs ?? { ...pending.change, input: pending.input };
  const names = [...idsIn(input, new Set())];
  const isOfOne = typeof input === 'object' && input && 'id' in input;
  const waitsForAll = /\.(delete|remove)$/.test(name);
  return { changes: isOfOne ? [String(input.id)] : names, names, waitsForAll };
}

function idsIn(value: unknown, found: Set<string>): Set<string> {
  if (typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value)) found.add(value);
  else if (typeof value === 'object' && value !== null)
    for (const held of Object.values(value)) idsIn(held, found);
  return found;
}

/** Two lists that are each in order, as one by time. */
function merged(mine: Entry[], theirs: Entry[]): Entry[] {
  const all: Entry[] = [];
  const rest = [...theirs];
  for (const entry of mine) {
    while (rest[0] && rest[0].pending.moment.now <= entry.pending.moment.now)
      all.push(...rest.splice(0, 1));
    all.push(entry);
  }
  return [...all, ...rest];
}
