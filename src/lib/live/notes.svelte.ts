import { SvelteMap } from 'svelte/reactivity';
import type { AnyRow, EntityName } from '#lib/shared/entities.ts';
import type { Store } from './store.svelte.ts';

/** What somebody else just changed in a row: for the wash, and for "who moved it". */
export interface RemoteNote {
  /** Member id, or a worker's name, or null for somebody with direct access to the database. */
  by: string | null;
  /** Milliseconds since 1970. */
  at: number;
  fields: Record<string, { from: unknown; to: unknown }>;
  /** The record was deleted. */
  isGone?: boolean;
}

/** Two values of one field: mine, which I changed a moment ago or have not sent, and another's. */
export interface Conflict {
  entity: EntityName;
  id: string;
  field: string;
  mine: unknown;
  theirs: unknown;
  by: string | null;
  at: number;
}

/** How long a remote change is shown, and how long a change of mine counts as just made. */
const shownFor = 6_000;
const mineFor = 15_000;

/** Notices what others change, and where that meets what I change. */
export class Notes {
  readonly #notes = new SvelteMap<string, RemoteNote>();
  readonly #conflicts = new SvelteMap<string, Conflict>();
  readonly #mine = new Map<string, { value: unknown; at: number }>();

  of(entity: EntityName, id: string): RemoteNote | undefined {
    return this.#notes.get(`${entity}/${id}`);
  }

  conflict(entity: EntityName, id: string, field: string): Conflict | undefined {
    return this.#conflicts.get(`${entity}/${id}/${field}`);
  }

  conflictsOf(entity: EntityName, id: string): Conflict[] {
    return [...this.#conflicts.values()].filter((one) => one.entity === entity && one.id === id);
  }

  resolve({ entity, id, field }: Pick<Conflict, 'entity' | 'id' | 'field'>): void {
    this.#conflicts.delete(`${entity}/${id}/${field}`);
  }

  /** I wrote these fields just now. */
  wrote(entity: EntityName, id: string, fields: Record<string, unknown>): void {
    const at = Date.now();
    for (const [field, value] of Object.entries(fields))
      this.#mine.set(`${entity}/${id}/${field}`, { value, at });
    for (const [key, { at: then }] of this.#mine) if (at - then > mineFor) this.#mine.delete(key);
  }

  /** Somebody else's change has arrived; `before` is the base row as it was. */
  arrived(change: {
    store: Store;
    entity: EntityName;
    id: string;
    before: AnyRow | undefined;
    fields: Record<string, unknown>;
    by: string | null;
    at: number;
  }): void {
    const { entity, id, before, fields, by, at } = change;
    const different = Object.entries(fields).filter(
      ([name, value]) => !same(before?.[name], value),
    );
    const shown = different.map(([name, to]) => [name, { from: before?.[name], to }] as const);
    if (shown.length === 0) return;
    const key = `${entity}/${id}`;
    const note: RemoteNote = { by, at, fields: Object.fromEntries(shown) };
    this.#notes.set(key, note);
    setTimeout(() => {
      if (this.#notes.get(key) === note) this.#notes.delete(key);
    }, shownFor);
    for (const [field, theirs] of different) {
      const mine = this.#mine.get(`${key}/${field}`);
      if (!mine || Date.now() - mine.at > mineFor || same(mine.value, theirs)) continue;
      this.#conflicts.set(`${key}/${field}`, {
        entity,
        id,
        field,
        mine: mine.value,
        theirs,
        by,
        at,
      });
    }
  }
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
