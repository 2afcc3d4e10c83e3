import { columnsOf, entities, type EntityName } from '#lib/shared/entities.ts';
import type { HistoryRow } from '../history.ts';
import type { Tx } from '../live/transaction.ts';
import { camel } from '../undo/answer.ts';

export interface FieldChange {
  field: string;
  from: unknown;
  to: unknown;
}

export interface TimelineEntry {
  place: string;
  /** By which the whole transaction can be undone. */
  position: number;
  at: Date;
  entity: EntityName;
  id: string;
  title: string;
  /** Undefined where somebody past the application did it, in psql for instance. */
  actor: { memberId: string | null; name: string } | undefined;
  action: 'created' | 'changed' | 'deleted';
  /** What it takes back, where it is an undo: a position, or the name of a run. */
  undoes: { position: number } | { run: string } | undefined;
  /** By which all that the run did is known, and how many records it was, where that is told as one. */
  run: { id: string; count: number; isMore: boolean } | undefined;
  /** The currency of the amounts in it, where the record has one. */
  currency: string | null;
  changes: FieldChange[];
}

const actions = { I: 'created', U: 'changed', D: 'deleted' } as const;

/** Where a card lies in its column is no news. */
const unnamed = ['rank', 'position'];

export const isKnown = (entity: string): entity is EntityName => Object.hasOwn(entities, entity);

/** What history tells of rows of known entities, in the terms of the product. */
export async function entriesOf(tx: Tx, rows: HistoryRow[]): Promise<TimelineEntry[]> {
  const names = await namesOfMembers(
    tx,
    rows.flatMap(({ actor }) => (actor && isId(actor) ? [actor] : [])),
  );
  return rows.flatMap((row): TimelineEntry[] => {
    const { pos, ord, at, entity, id, op, title, actor, currency, runId } = row;
    if (!isKnown(entity)) return [];
    const name = actor === null ? undefined : names.get(actor);
    return [
      {
        place: `${pos}.${ord}`,
        position: pos,
        at,
        entity,
        id,
        title: title ?? '',
        actor:
          actor === null
            ? undefined
            : { memberId: name === undefined ? null : actor, name: name ?? actor },
        action: actions[op],
        undoes: undoneBy(runId),
        run: undefined,
        currency,
        changes: changesOf(entity, row),
      },
    ];
  });
}

/** Columns that a person can read about, in the order in which the record has them. */
function changesOf(entity: EntityName, { op, changes }: HistoryRow): FieldChange[] {
  if (op !== 'U' || !changes) return [];
  const told = new Map(Object.entries(changes).map(([name, pair]) => [camel(name), pair]));
  return columnsOf(entity).flatMap((name): FieldChange[] => {
    const [from, to] = told.get(name) ?? [];
    return told.has(name) && !unnamed.includes(name)
      ? [{ field: name, from: from ?? null, to: to ?? null }]
      : [];
  });
}

function undoneBy(runId: string | null): TimelineEntry['undoes'] {
  const position = runId?.match(/^undo:(\d+)$/)?.[1];
  if (position) return { position: Number(position) };
  const run = runId?.match(/^undo-run:(.*)@\d+$/s)?.[1];
  return run === undefined ? undefined : { run };
}

async function namesOfMembers(tx: Tx, ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const members = await tx
    .selectFrom('members')
    .select(['id', 'name'])
    .where('id', 'in', ids)
    .execute();
  return new Map(members.map(({ id, name }) => [id, name]));
}

export const isId = (text: string): boolean =>
  /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text);

export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
