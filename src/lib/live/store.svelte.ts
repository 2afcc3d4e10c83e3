import type { AnyChange, ChangeMoment, LocalRows } from '#lib/shared/change.ts';
import {
  entities,
  entityNames,
  topicKey,
  topics,
  type AnyRow,
  type EntityName,
  type Row,
  type TopicName,
} from '#lib/shared/entities.ts';
import { Collection } from './collection.svelte.ts';

/** A change by its name, and what it is given. */
export interface ShownAs {
  name: string;
  input: unknown;
}

/** A change that the server has not confirmed in the rows yet. */
export interface Pending {
  /** The tab that made it; with `seq` the mutation id. */
  clientId: string;
  seq: number;
  change: AnyChange;
  input: unknown;
  moment: ChangeMoment;
  /** What it does to rows, where its own input does not say it. */
  shownAs?: ShownAs | undefined;
  /** Where the log stands with this change in it, in which life of the database; set by the server's answer. */
  position?: number;
  epoch?: string;
}

interface Held {
  rev: number;
  row: AnyRow;
}

/** A changed row as it came from the server: its new state, or what of it is different, or gone. */
export interface Arrival {
  entity: EntityName;
  id: string;
  rev: number;
  row?: AnyRow;
  fields?: Record<string, unknown>;
}

/**
 * Visible rows = base rows as the server last said + pending changes replayed in order. Rebase is by
 * field because a change patches fields: what others did to the rest of the row shows through.
 */
export class Store {
  readonly #base = new Map<EntityName, Map<string, Held>>();
  #overlay = new Map<EntityName, Map<string, AnyRow | undefined>>();
  // All made at once: a $derived does not follow state that was made while it ran.
  readonly #collections = new Map(entityNames.map((entity) => [entity, new Collection<AnyRow>()]));
  readonly #touched = new Map<EntityName, Set<string>>();

  collection<E extends EntityName>(entity: E): Collection<Row<E>> {
    return this.#collections.get(entity) as unknown as Collection<Row<E>>;
  }

  /** The row as the server last said, without one's own pending changes. */
  baseRow(entity: EntityName, id: string): AnyRow | undefined {
    return this.#base.get(entity)?.get(id)?.row;
  }

  visibleRow(entity: EntityName, id: string): AnyRow | undefined {
    const over = this.#overlay.get(entity);
    return over?.has(id) ? over.get(id) : this.baseRow(entity, id);
  }

  /** The rows that pending changes touch, as they were and as they are shown. */
  *pendingRows(
    entity: EntityName,
  ): Generator<{ base: AnyRow | undefined; visible: AnyRow | undefined }> {
    for (const [id, visible] of this.#overlay.get(entity) ?? [])
      yield { base: this.baseRow(entity, id), visible };
  }

  /** Takes in one change from the server; an older version than the one held is left out. */
  arrive({ entity, id, rev, row, fields }: Arrival): boolean {
    const rows = this.#rowsOf(entity);
    const held = rows.get(id);
    if (held && held.rev >= rev) return false;
    if (row) rows.set(id, { rev, row });
    else if (fields && held) rows.set(id, { rev, row: { ...held.row, ...fields } });
    else if (fields) return false;
    else rows.delete(id);
    this.#touch(entity, id);
    return true;
  }

  /** Replaces all rows of a topic. */
  replaceTopic(key: string, entity: EntityName, rows: Map<string, Held>): void {
    const held = this.#rowsOf(entity);
    const name = key.split('/', 1)[0] as TopicName;
    for (const [id, { row }] of held) {
      if (rows.has(id) || keyUnder(name, row) !== key) continue;
      held.delete(id);
      this.#touch(entity, id);
    }
    for (const [id, next] of rows) {
      const old = held.get(id);
      if (old && old.rev >= next.rev) continue;
      held.set(id, next);
      this.#touch(entity, id);
    }
  }

  /** All rows come anew, perhaps from an older life of the database: no version here is newer than theirs. */
  outlive(): void {
    for (const rows of this.#base.values()) for (const held of rows.values()) held.rev = -1;
  }

  /** Lets go of the rows of an entity that no topic asks for any more. */
  forget(entity: EntityName, isWanted: (row: AnyRow) => boolean): void {
    const held = this.#rowsOf(entity);
    for (const [id, { row }] of held) {
      if (isWanted(row)) continue;
      held.delete(id);
      this.#touch(entity, id);
    }
  }

  /** What the record of a change is called. */
  titleOf({ name, input }: ShownAs): string | undefined {
    const { id } = (input ?? {}) as { id?: string };
    const [entity = ''] = name.split('.');
    const row = id && entity in entities && this.visibleRow(entity as EntityName, id);
    return row ? ((row['title'] ?? row['name']) as string | undefined) : undefined;
  }

  /** Replays the pending changes over the base and shows whatever is different now. */
  settle(pending: readonly Pending[]): void {
    const before = this.#overlay;
    this.#overlay = new Map();
    for (const [entity, rows] of before) for (const id of rows.keys()) this.#touch(entity, id);
    this.add(...pending);
  }

  /** Shows one more change over those that are replayed already. */
  add(...pending: readonly Pending[]): void {
    for (const { change, input, moment } of pending)
      change.apply(this.local, input as never, moment);
    for (const [entity, ids] of this.#touched) {
      const collection = this.collection(entity) as unknown as Collection<AnyRow>;
      for (const id of ids) {
        const row = this.visibleRow(entity, id);
        if (row) collection.put(row);
        else collection.drop(id);
      }
    }
    this.#touched.clear();
  }

  readonly local: LocalRows = {
    get: <E extends EntityName>(entity: E, id: string) =>
      this.visibleRow(entity, id) as Row<E> | undefined,
    where: <E extends EntityName>(entity: E, test: (row: Row<E>) => boolean) => {
      const ids = new Set([
        ...this.#rowsOf(entity).keys(),
        ...(this.#overlay.get(entity)?.keys() ?? []),
      ]);
      const rows = [...ids].flatMap(
        (id) => this.visibleRow(entity, id) ?? [],
      ) as unknown as Row<E>[];
      return rows.filter(test);
    },
    insert: (entity, row) => this.#lay(entity, row.id, row as AnyRow),
    patch: (entity, id, fields) => {
      const row = this.visibleRow(entity, id);
      if (row) this.#lay(entity, id, { ...row, ...definedOnly(fields) });
    },
    remove: (entity, id) => this.#lay(entity, id, undefined),
  };

  #lay(entity: EntityName, id: string, row: AnyRow | undefined): void {
    let rows = this.#overlay.get(entity);
    if (!rows) this.#overlay.set(entity, (rows = new Map<string, AnyRow | undefined>()));
    rows.set(id, row);
    this.#touch(entity, id);
  }

  #rowsOf(entity: EntityName): Map<string, Held> {
    let rows = this.#base.get(entity);
    if (!rows) this.#base.set(entity, (rows = new Map<string, Held>()));
    return rows;
  }

  #touch(entity: EntityName, id: string): void {
    let ids = this.#touched.get(entity);
    if (!ids) this.#touched.set(entity, (ids = new Set<string>()));
    ids.add(id);
  }
}

/** Whether a row belongs to the topic of a key now. */
export const isUnder = (key: string, row: AnyRow): boolean =>
  keyUnder(key.split('/', 1)[0] as TopicName, row) === key;

/** The key of a topic that a row belongs to now. */
export function keyUnder(topic: TopicName, row: AnyRow): string {
  return topicKey(
    topic,
    topics[topic].by.map((column) => String(row[column])),
  );
}

function definedOnly(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
