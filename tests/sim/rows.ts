import { sees, type Rows, type Standing, type Stored } from '#tests/oracle/loops.ts';
import type { EntityName } from '#lib/shared/entities.ts';
import type { Build } from './builds.ts';
import type { Postgres } from './postgres.ts';

export const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The rows of an organization as they are now. */
export function rowsNow(postgres: Postgres, organizationId: string): Rows {
  const isTheirs = (row: Stored): boolean => row['organization_id'] === organizationId;
  return {
    all: (entity) => [...postgres.rows(entity).values()].filter(isTheirs),
    get: (entity, id) => {
      const row = postgres.rows(entity).get(id);
      return row && isTheirs(row) ? row : undefined;
    },
  };
}

/** A stored row as a version of the product shows it: its own columns, times as numbers. */
export function shownBy(build: Build, entity: string, row: Stored): Record<string, unknown> {
  const kinds = build.entities.kindsOf(entity as EntityName);
  return Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => {
      const value = row[snake(name)] ?? null;
      const isTime = kind.startsWith('time') && typeof value === 'string';
      return [name, isTime ? Date.parse(value) : value];
    }),
  );
}

export interface TopicParts {
  entity: string;
  by: readonly string[];
  values: string[];
}

/** The stored rows of a topic that somebody sees. */
export const topicRows = (
  rows: Rows,
  standing: Standing,
  { entity, by, values }: TopicParts,
): Stored[] =>
  rows
    .all(entity)
    .filter((row) => by.every((column, at) => row[snake(column)] === values[at]))
    .filter((row) => seesHere(rows, standing, entity, row));

/** Gadgets are the next version's; they are seen as products are. */
export const seesHere = (rows: Rows, standing: Standing, entity: string, row: Stored): boolean =>
  sees(rows, standing, entity === 'gadgets' ? 'products' : entity, row);
