import type { ListChange, TotalsChange, TotalsEntry } from '#lib/shared/wire.ts';
import type { Listing } from './listing.ts';
import type { LogTx } from './log.ts';
import type { Totals } from './totals.ts';

/** The figures and lists that somebody looks at. */
export interface Held {
  totals: ReadonlyMap<string, Totals>;
  lists: ReadonlyMap<string, Listing>;
}

/** Splices of one list that are still shorter than asking for what is seen of it anew. */
const mostSplices = 200;

/**
 * What an organization has loaded once and keeps current from its log: figures and lists, one for each
 * set of parameters and rights, whoever looks at them; and what of them a batch has changed.
 */
export class Kept {
  readonly totals = new Map<string, Totals>();
  readonly lists = new Map<string, Listing>();
  readonly #changedTotals = new Map<string, TotalsChange>();
  readonly #changedLists = new Map<string, ListChange>();

  apply({ position, rows }: LogTx): void {
    for (const totals of this.totals.values()) {
      const entries = totals.apply(position, rows);
      if (entries.length > 0) this.#note(totals, entries);
    }
    for (const list of this.lists.values()) {
      const splices = list.apply(position, rows);
      if (splices.length === 0) continue;
      const all = [...(this.#changedLists.get(list.id)?.[2] ?? []), ...splices];
      const isLong = all.length > mostSplices || this.#changedLists.get(list.id)?.length === 2;
      const change: ListChange = isLong ? [list.key, list.total] : [list.key, list.total, all];
      this.#changedLists.set(list.id, change);
    }
  }

  get hasChanges(): boolean {
    return this.#changedTotals.size + this.#changedLists.size > 0;
  }

  concerns({ totals, lists }: Held): boolean {
    const those = [...totals.values()].some(({ id }) => this.#changedTotals.has(id));
    return those || [...lists.values()].some(({ id }) => this.#changedLists.has(id));
  }

  /** What has changed of what somebody holds. */
  changesOf({ totals, lists }: Held): [TotalsChange[], ListChange[]] {
    return [
      [...totals.values()].flatMap(({ id }) => {
        const changed = this.#changedTotals.get(id);
        return changed ? [changed] : [];
      }),
      [...lists.values()].flatMap(({ id }) => {
        const changed = this.#changedLists.get(id);
        return changed ? [changed] : [];
      }),
    ];
  }

  /** Everybody has been told. */
  told(): void {
    this.#changedTotals.clear();
    this.#changedLists.clear();
  }

  /** Lets go of what nobody holds any more. */
  keepOnly(holders: Iterable<Held>): void {
    const wanted = new Set<Totals | Listing>();
    for (const { totals, lists } of holders) {
      for (const one of totals.values()) wanted.add(one);
      for (const one of lists.values()) wanted.add(one);
    }
    for (const [id, one] of this.totals) if (!wanted.has(one)) this.totals.delete(id);
    for (const [id, one] of this.lists) if (!wanted.has(one)) this.lists.delete(id);
  }

  clear(): void {
    this.totals.clear();
    this.lists.clear();
    this.told();
  }

  #note({ id, key }: Totals, entries: TotalsEntry[]): void {
    const earlier = this.#changedTotals.get(id);
    const groups = new Map([...(earlier?.[1] ?? []), ...entries]);
    this.#changedTotals.set(id, [key, [...groups]]);
  }
}
