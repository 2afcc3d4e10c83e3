import type { EntityName } from '#lib/shared/entities.ts';
import type { Logged } from './logged.ts';

/** A record that went back, and how. */
export interface Undone {
  entity: EntityName;
  id: string;
  title: string;
  action: 'changed' | 'removed' | 'restored';
  currency: string | null;
  fields: { field: string; from: unknown; to: unknown }[];
}

/**
 * Why something stays as it is. `changed`: others changed it since; `deleted`: it is gone; `inUse`: other
 * records hang on it; `missing`: what it would point at is not there; `taken`: another has its place or name;
 * `notYours`: it is seen and not to be changed; `rule`: a rule of the records speaks against it.
 */
export type KeptReason =
  'changed' | 'deleted' | 'inUse' | 'missing' | 'taken' | 'notYours' | 'rule';

export interface Kept {
  entity: EntityName;
  id: string;
  title: string;
  field: string | null;
  reason: KeptReason;
  /** Who changed it since, where somebody did. */
  by?: { memberId: string | null; name: string } | undefined;
  at?: Date | undefined;
}

export interface UndoAnswer {
  undone: Undone[];
  kept: Kept[];
  /** Where the next page begins; null when all is done. */
  nextCursor: string | null;
}

/** A piece of an undo while it is worked out. */
export interface Work {
  undone: Undone[];
  kept: (Kept & { pos: number })[];
}

export const camel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

export const camelKeys = (image: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [camel(name), value]));

/** What a record is called, by an image of it. */
export function titleOf(image: Record<string, unknown> | null | undefined): string {
  const title = image?.['title'] ?? image?.['name'] ?? image?.['currency'];
  return typeof title === 'string' ? title : '';
}

export const keep = (
  work: Work,
  row: Logged,
  {
    image = row.after ?? row.before,
    ...more
  }: { reason: KeptReason; field?: string; image?: Record<string, unknown> | null },
): void => {
  const { entity, id, pos } = row;
  const field = more.field === undefined ? null : camel(more.field);
  work.kept.push({ entity, id, pos, title: titleOf(image), field, reason: more.reason });
};
