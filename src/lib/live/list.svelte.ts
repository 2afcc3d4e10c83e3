import { unpackId } from '#lib/shared/ids.ts';
import type { ListSplice } from '#lib/shared/wire.ts';

/** Ids are asked for in blocks of so many. */
const block = 100;
const packedLength = 22;

/** One place of a list; what is leaving fits no more, and stays where somebody looks at it. */
export interface ListPlace {
  id: string;
  isLeaving: boolean;
}

interface Known extends ListPlace {
  /** It stood here before the list began anew, and is shown until it is known what does now. */
  isOld?: boolean;
}

/**
 * A list of any length, of which the ids of some parts are here. The server says what is taken out and
 * put in where, so that places stay right between what is known and what is not.
 */
export class LiveList {
  /** How long the list is, by the server. */
  total = $state(0);
  ready = $state(false);
  refused = $state<string>();
  /** Which rows are in sight: of those, what fits no more fades and stays. */
  isInSight: (id: string) => boolean = () => false;
  #places: (Known | undefined)[] = [];
  #version = $state(0);
  /** How many of the places are leaving. */
  #ghosts = 0;
  /** Blocks whose ids are here or on their way. */
  #asked = new Set<number>();
  #wanted = { from: 0, to: 0 };
  readonly #ask: (from: number, to: number) => void;

  constructor(ask: (from: number, to: number) => void) {
    this.#ask = ask;
  }

  /** With what is leaving but still shown. */
  get length(): number {
    void this.#version;
    return this.#places.length;
  }

  at(place: number): ListPlace | undefined {
    void this.#version;
    return this.#places[place];
  }

  /** Where a record stands, when its place is known here. */
  placeOf(id: string): number {
    void this.#version;
    return this.#places.findIndex((place) => place?.id === id);
  }

  /** All ids, when every one of them is here. */
  get all(): string[] | undefined {
    void this.#version;
    const ids = this.#places.flatMap((place) =>
      place && !place.isLeaving && !place.isOld ? place.id : [],
    );
    return ids.length === this.total ? ids : undefined;
  }

  /** Asks for what is not known between two places, now and whenever the list has changed. */
  want(from: number, to: number): void {
    this.#wanted = { from, to };
    for (
      let at = Math.floor(Math.max(0, from) / block);
      at * block < Math.min(to, this.total);
      at += 1
    ) {
      if (this.#asked.has(at)) continue;
      this.#asked.add(at);
      this.#ask(at * block, (at + 1) * block);
    }
  }

  /** What has left goes, but what is in sight. */
  sweep(): void {
    if (this.#ghosts === 0) return;
    const kept = this.#places.filter((place) => !place?.isLeaving || this.isInSight(place.id));
    if (kept.length === this.#places.length) return;
    this.#places = kept;
    this.#ghosts = kept.filter((place) => place?.isLeaving).length;
    this.#version += 1;
  }

  /** The list begins, or begins anew; its first ids follow unasked. */
  begin(total: number): void {
    this.#restart(total);
    this.#asked.add(0);
    this.#changed();
  }

  /** What was known is shown until it is known again. */
  #restart(total: number): void {
    const known = this.#places.filter((place) => !place?.isLeaving);
    this.#places = Array.from(
      { length: total },
      (_, at) => known[at] && { ...known[at], isOld: true },
    );
    this.#ghosts = 0;
    this.total = total;
    this.ready = true;
    this.refused = undefined;
    this.#asked.clear();
  }

  take(from: number, packed: string): void {
    const leaving = this.#leaving();
    for (let at = 0; at * packedLength < packed.length; at += 1) {
      const id = unpackId(packed.slice(at * packedLength, (at + 1) * packedLength));
      this.#places[local(from + at, leaving)] = { id, isLeaving: false };
    }
    this.#version += 1;
  }

  change(total: number, splices: readonly ListSplice[] | undefined): void {
    if (!splices) {
      this.#restart(total);
      return this.#changed();
    }
    const stays = new Set(splices.flatMap(([, , id]) => (id ? unpackId(id) : [])));
    for (const [at, out, id] of splices)
      this.#splice(at, out, id ? unpackId(id) : undefined, stays);
    this.total = total;
    // What is known has moved across the blocks: those that are not known whole are asked for again.
    for (const at of this.#asked) if (!this.#isKnown(at)) this.#asked.delete(at);
    this.#changed();
  }

  #changed(): void {
    this.#version += 1;
    this.want(this.#wanted.from, this.#wanted.to);
  }

  #splice(at: number, out: number, id: string | undefined, stays: ReadonlySet<string>): void {
    const place = local(at, this.#leaving());
    const old = this.#places[place];
    const fades = out > 0 && old && !old.isOld && !stays.has(old.id) && this.isInSight(old.id);
    if (old && fades) {
      this.#places[place] = { ...old, isLeaving: true };
      this.#ghosts += 1;
    } else if (out > 0) this.#places.splice(place, out);
    if (id === undefined) return;
    const ghost = this.#leaving().find((one) => this.#places[one]?.id === id);
    if (ghost !== undefined) {
      this.#places.splice(ghost, 1);
      this.#ghosts -= 1;
    }
    this.#places.splice(local(at, this.#leaving()), 0, { id, isLeaving: false });
  }

  #isKnown(at: number): boolean {
    const leaving = this.#leaving();
    const last = Math.min((at + 1) * block, this.total);
    for (let one = at * block; one < last; one += 1) {
      const place = this.#places[local(one, leaving)];
      if (!place || place.isOld) return false;
    }
    return true;
  }

  /** Where rows stand here that the server's list has no more, in order. */
  #leaving(): number[] {
    if (this.#ghosts === 0) return [];
    return this.#places.flatMap((place, at) => (place?.isLeaving ? at : []));
  }
}

/** A place of the server's list among those here. */
function local(place: number, leaving: readonly number[]): number {
  let here = place;
  for (const at of leaving) if (at <= here) here += 1;
  return here;
}
