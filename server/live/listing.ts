import type { z } from 'zod/mini';
import type { EntityName } from '#lib/shared/entities.ts';
import { comparePlaces, type ListShape, type Place } from '#lib/shared/listings.ts';
import type { ListSplice } from '#lib/shared/wire.ts';
import { packId } from '#lib/shared/ids.ts';
import type { Member } from '../access.ts';
import type { RowChange } from './log.ts';
import type { Tx } from './transaction.ts';
import { totalsId } from './totals.ts';

/** The ids of a list in order, their keys beside them, and the shape that a changed row is judged by. */
export interface LoadedList {
  ids: string[];
  keys: (string | null)[];
  shape: ListShape;
  /** An entity that the order is made from as well: when one of its rows changes, all is loaded anew. */
  madeFrom?: EntityName;
}

/** A filtered, sorted list of any length: loaded once by SQL, then kept by moving changed rows. */
export interface ListDefinition<Params> {
  name: string;
  entity: EntityName;
  params: z.core.$ZodType;
  load(tx: Tx, member: Member, params: Params): Promise<LoadedList>;
}

/** Rows of one batch that are moved one by one; more of them, and the list is loaded anew. */
const mostMoved = 1_000;

/**
 * One list for one set of rights: where every row stands. Whoever looks at it holds the ids of a part,
 * and is told what was taken out and put in where.
 */
export class Listing {
  readonly key: string;
  readonly id: string;
  readonly entity: EntityName;
  readonly rights: ReadonlySet<string>;
  position: number;
  /** It does not say what is so any more, and must be loaded. */
  isStale = false;
  #list: LoadedList;

  constructor(options: {
    key: string;
    entity: EntityName;
    rights: ReadonlySet<string>;
    position: number;
    list: LoadedList;
  }) {
    this.key = options.key;
    this.id = totalsId(options.key, options.rights);
    this.entity = options.entity;
    this.rights = options.rights;
    this.position = options.position;
    this.#list = options.list;
  }

  get total(): number {
    return this.#list.ids.length;
  }

  /** Packed ids from a place on, one after the other. */
  packed(from: number, to: number): string {
    return this.#list.ids.slice(from, to).map(packId).join('');
  }

  replace(position: number, list: LoadedList): void {
    this.position = position;
    this.#list = list;
    this.isStale = false;
  }

  /** Takes in the changes of one transaction; answers what is taken out and put in where, in turn. */
  apply(position: number, rows: RowChange[]): ListSplice[] {
    if (position <= this.position) return [];
    this.position = position;
    const { madeFrom } = this.#list;
    const those = rows.filter(({ entity }) => entity === this.entity);
    if (those.length > mostMoved || rows.some(({ entity }) => entity === madeFrom)) {
      this.isStale = true;
    }
    return this.isStale ? [] : those.flatMap((row) => this.#move(row));
  }

  #move({ id, was, is, keysBefore, keysAfter }: RowChange): ListSplice[] {
    const { shape } = this.#list;
    const old = was && this.#sees(keysBefore) && shape.fits(was) ? shape.keyOf(was) : undefined;
    const now = is && this.#sees(keysAfter) && shape.fits(is) ? shape.keyOf(is) : undefined;
    if (old === now) return [];
    const splices: ListSplice[] = [];
    if (old !== undefined) {
      const at = this.#find({ key: old, id });
      if (at >= 0) splices.push(this.#splice(at, 1));
    }
    if (now !== undefined) splices.push(this.#splice(this.#placeOf({ key: now, id }), 0, id, now));
    return splices;
  }

  #splice(at: number, out: number, id?: string, key: string | null = null): ListSplice {
    const { ids, keys } = this.#list;
    ids.splice(at, out, ...(id ? [id] : []));
    keys.splice(at, out, ...(id ? [key] : []));
    return id ? [at, out, packId(id)] : [at, out];
  }

  #find(place: Place): number {
    const at = this.#placeOf(place);
    // Where Postgres makes another key of the same text than we do, it stands elsewhere.
    return this.#list.ids[at] === place.id ? at : this.#list.ids.indexOf(place.id);
  }

  /** The first place that is not before this one. */
  #placeOf(place: Place): number {
    const { ids, keys, shape } = this.#list;
    let [low, high] = [0, ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = { key: keys[middle] ?? null, id: ids[middle] ?? '' };
      if (comparePlaces(there, place, shape.isDescending) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sees(keys: readonly string[]): boolean {
    return keys.some((key) => this.rights.has(key));
  }
}
