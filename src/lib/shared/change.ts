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
 * A named change: its input, and what it does at once in the browser that makes it. The server's
 * procedure of the same name (router path, `deals.move`) takes the same input and decides.
 */
export interface Change<Input> {
  name: string;
  input: ZodMiniType<Input>;
  apply(rows: LocalRows, input: Input, moment: ChangeMoment): void;
}

export function defineChange<Input>(change: Change<Input>): Change<Input> {
  return change;
}
