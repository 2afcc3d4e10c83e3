import type { EntityName } from '#lib/shared/entities.ts';
import type { Measure } from '#lib/shared/totals.ts';
import type { TotalsEntry } from '#lib/shared/wire.ts';
import type { Store } from './store.svelte.ts';

/** Live figures by group: the server's, plus what one's own pending changes add and take away. */
export class LiveTotals {
  readonly #entity: EntityName;
  readonly #measure: Measure;
  #base = new Map<string, number[]>();
  #isReady = $state(false);
  #groups = $state.raw<ReadonlyMap<string, readonly number[]>>(new Map());
  /** The key that the server refused, or undefined. */
  refused = $state<string>();

  constructor(entity: EntityName, measure: Measure) {
    this.#entity = entity;
    this.#measure = measure;
  }

  get ready(): boolean {
    return this.#isReady;
  }

  /** Groups without rows are not in it. */
  get groups(): ReadonlyMap<string, readonly number[]> {
    return this.#groups;
  }

  replace(entries: TotalsEntry[]): void {
    this.#base = new Map();
    this.#isReady = true;
    this.change(entries);
  }

  change(entries: TotalsEntry[]): void {
    for (const [group, figures] of entries) {
      if (figures) this.#base.set(group, figures);
      else this.#base.delete(group);
    }
  }

  /** Works the pending changes in; called after each change of rows. */
  settle(store: Store): void {
    const groups = new Map<string, readonly number[]>(this.#base);
    const add = (row: Record<string, unknown> | undefined, sign: 1 | -1): void => {
      const measured = row && this.#measure(row);
      if (!measured) return;
      const sums = groups.get(measured.group) ?? measured.figures.map(() => 0);
      groups.set(
        measured.group,
        sums.map((sum, at) => sum + sign * (measured.figures[at] ?? 0)),
      );
    };
    for (const { base, visible } of store.pendingRows(this.#entity)) {
      add(base, -1);
      add(visible, 1);
    }
    this.#groups = groups;
  }
}
