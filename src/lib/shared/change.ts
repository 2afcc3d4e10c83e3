import type { ZodMiniType } from 'zod/mini';
import type { EntityName, Row } from './entities.ts';

/** What a change may do to the rows a browser holds. Reads see earlier pending changes. */
export interface LocalRows {
  get<E extends EntityName>(entity: E, id: string): Row<E> | undefined;
  where<E extends EntityName>(entity: E, test: (row: Row<E>) => boolean): Row<E>[];
  insert<E extends EntityName>(entity: E, row: Row<E>): void;
  /** Does nothing where the row is not held. */
  patch<E extends EntityName>(entity: E, id: string, fields: Partial<Row<E>>): void;
  remove(entity: EntityName, id: string): void;
}

export interface ChangeMoment {
  memberId: string;
  /** Milliseconds since 1970, by the browser's clock; the server's own takes its place. */
  now: number;
}

/**
 * How a change is taken back: another change like any other. `left` is what the undone change wrote;
 * a field that has another value by then was changed by somebody else, and is left alone: where the
 * inverse's input names it, it is left out of the input, else nothing is undone.
 */
export interface Inverse {
  change: AnyChange;
  input: Record<string, unknown>;
  entity: EntityName;
  id: string;
  left: Record<string, unknown>;
}

/** The fields that a change was given a value for. */
export function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * A named change: its input, and what it does at once in the browser that makes it. The server's
 * procedure of the same name (router path, `deals.move`) takes the same input and decides.
 */
export interface Change<Input> {
  name: string;
  input: ZodMiniType<Input>;
  apply(rows: LocalRows, input: Input, moment: ChangeMoment): void;
  /** Asked before `apply`; without an answer the change cannot be undone from here. */
  invert?(rows: LocalRows, input: Input): Inverse | undefined;
}

/** A change whose input is not known here. */
export type AnyChange = Pick<Change<never>, 'name' | 'apply' | 'invert'>;

const known = new Map<string, AnyChange>();

export function defineChange<Input>(change: Change<Input>): Change<Input> {
  known.set(change.name, change);
  return change;
}

/** A change that was kept by its name; undefined while the page has not loaded its feature. */
export const changeNamed = (name: string): AnyChange | undefined => known.get(name);
