import { createSubscriber, SvelteMap } from 'svelte/reactivity';

/** The visible rows of one entity; reading a row, or a group, in a component follows just that. */
export class Collection<R extends { id: string }> {
  readonly #rows = new SvelteMap<string, R>();
  readonly #groupings = new Map<string, Grouping<R>>();

  get(id: string | null | undefined): R | undefined {
    return id ? this.#rows.get(id) : undefined;
  }

  get all(): R[] {
    return [...this.#rows.values()];
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Rows by a key, each group in order; made once a name and kept up to date row by row. */
  grouped(name: string, keyOf: (row: R) => string, compare: (a: R, b: R) => number): Grouping<R> {
    let grouping = this.#groupings.get(name);
    if (!grouping) {
      grouping = new Grouping(keyOf, compare, [...this.#rows.values()]);
      this.#groupings.set(name, grouping);
    }
    return grouping;
  }

  /** For the store alone. */
  put(row: R): void {
    const old = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    for (const grouping of this.#groupings.values()) grouping.replace(old, row);
  }

  /** For the store alone. */
  drop(id: string): void {
    const old = this.#rows.get(id);
    if (!old) return;
    this.#rows.delete(id);
    for (const grouping of this.#groupings.values()) grouping.replace(old, undefined);
  }
}

/** Made when it is first read, often inside a $derived: those do not follow $state that they made themselves. */
class Group<R> {
  #rows: readonly R[] = [];
  #changed = (): void => undefined;
  readonly #follow = createSubscriber((changed) => {
    this.#changed = changed;
    return () => (this.#changed = () => undefined);
  });

  get rows(): readonly R[] {
    this.#follow();
    return this.#rows;
  }

  replace(edit: (rows: readonly R[]) => readonly R[]): void {
    this.#rows = edit(this.#rows);
    this.#changed();
  }
}

export class Grouping<R extends { id: string }> {
  readonly #keyOf: (row: R) => string;
  readonly #compare: (a: R, b: R) => number;
  readonly #groups = new Map<string, Group<R>>();
  /** Changed in this turn, not yet sorted: many rows often come at once. */
  readonly #dirty = new Map<string, Map<string, R | undefined>>();
  #isScheduled = false;

  constructor(keyOf: (row: R) => string, compare: (a: R, b: R) => number, rows: R[]) {
    this.#keyOf = keyOf;
    this.#compare = compare;
    const groups = Map.groupBy(rows, keyOf);
    for (const [key, those] of groups) this.#group(key).replace(() => those.sort(compare));
  }

  /** The rows of a group in order: a new array whenever one of them is different. */
  get(key: string): readonly R[] {
    return this.#group(key).rows;
  }

  replace(old: R | undefined, row: R | undefined): void {
    if (old) this.#mark(this.#keyOf(old), old.id, undefined);
    if (row) this.#mark(this.#keyOf(row), row.id, row);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#settle());
  }

  #mark(key: string, id: string, row: R | undefined): void {
    let changed = this.#dirty.get(key);
    if (!changed) this.#dirty.set(key, (changed = new Map<string, R | undefined>()));
    changed.set(id, row);
  }

  #settle(): void {
    this.#isScheduled = false;
    for (const [key, changed] of this.#dirty) {
      const added = [...changed.values()].filter((row) => row !== undefined).sort(this.#compare);
      this.#group(key).replace((rows) => {
        const kept = rows.filter(({ id }) => !changed.has(id));
        return added.length > 0 ? merge(kept, added, this.#compare) : kept;
      });
    }
    this.#dirty.clear();
  }

  #group(key: string): Group<R> {
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, (group = new Group<R>()));
    return group;
  }
}

/** Two sorted lists into one. */
function merge<R>(a: readonly R[], b: readonly R[], compare: (x: R, y: R) => number): R[] {
  const merged: R[] = [];
  let at = 0;
  for (const row of b) {
    for (let next = a[at]; next !== undefined && compare(next, row) <= 0; next = a[++at])
      merged.push(next);
    merged.push(row);
  }
  return merged.concat(a.slice(at));
}
