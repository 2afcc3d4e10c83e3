import type { EntityName } from './entities.ts';
import { translator, type Locale, type TranslateOf } from './i18n.ts';
import type { historyEn } from './messages-history-en.ts';

export type HistoryWords = TranslateOf<typeof historyEn>;

/** What history says in one language; fetched where it is needed. */
export async function historyWords(locale: Locale): Promise<HistoryWords> {
  const messages =
    locale === 'ru'
      ? (await import('./messages-history-ru.ts')).historyRu
      : (await import('./messages-history-en.ts')).historyEn;
  return translator<typeof historyEn>(locale, messages);
}

/** An entry of the timeline, as a browser has it. */
export interface Told {
  place: string;
  position: number;
  at: string;
  entity: EntityName;
  id: string;
  title: string;
  actor?: { memberId: string | null; name: string };
  action: 'created' | 'changed' | 'deleted';
  undoes?: { position: number } | { run: string };
  run?: { id: string; count: number; isMore: boolean };
  currency: string | null;
  changes: { field: string; from?: unknown; to?: unknown }[];
}

/** Entries that are told as one: what one person did to one record within a minute, or to several at once. */
export interface ToldTogether {
  newest: Told;
  /** The newest first. */
  all: Told[];
  /** From how it was before all of them to how it is after them. */
  changes: Told['changes'];
}

const together = 60_000;

/**
 * Gathers entries, the newest first. One that is not the same person's, or comes between two of another's,
 * keeps them apart: else the values in between would be lost.
 */
export function gathered(entries: readonly Told[]): ToldTogether[] {
  const groups: ToldTogether[] = [];
  const openOf = new Map<string, ToldTogether>();
  for (const entry of entries) {
    const record = `${entry.entity} ${entry.id}`;
    const [open, atOnce] = [openOf.get(record), groups.at(-1)];
    if (open && isOne(open, entry)) {
      open.all.push(entry);
      open.changes = joined(open.changes, entry.changes);
    } else if (atOnce && isAtOnce(atOnce.newest, entry)) {
      atOnce.all.push(entry);
      openOf.delete(record);
    } else {
      const group = { newest: entry, all: [entry], changes: entry.changes };
      groups.push(group);
      openOf.set(record, group);
    }
  }
  return groups;
}

/** The transactions that entries which are told as one were made in. */
export const positionsOf = ({ all }: ToldTogether): number[] => [
  ...new Set(all.map(({ position }) => position)),
];

function isOne({ newest, all }: ToldTogether, entry: Told): boolean {
  const isPlain = [newest, entry].every(
    ({ action, run, undoes }) => action === 'changed' && !run && !undoes,
  );
  return (
    isPlain &&
    all.every(({ id }) => id === entry.id) &&
    isSamePerson(newest, entry) &&
    Date.parse(newest.at) - Date.parse(entry.at) <= together
  );
}

/** Of one transaction, and of the same kind. */
const isAtOnce = (newest: Told, entry: Told): boolean =>
  newest.position === entry.position &&
  newest.entity === entry.entity &&
  newest.action === entry.action &&
  newest.id !== entry.id;

const isSamePerson = ({ actor: a }: Told, { actor: b }: Told): boolean =>
  a?.memberId === b?.memberId && a?.name === b?.name;

function joined(newer: Told['changes'], older: Told['changes']): Told['changes'] {
  const fields = new Map(older.map((change) => [change.field, change]));
  for (const { field, from, to } of newer)
    fields.set(field, { field, from: fields.has(field) ? fields.get(field)?.from : from, to });
  return [...fields.values()].filter(
    ({ from, to }) => JSON.stringify(from ?? null) !== JSON.stringify(to ?? null),
  );
}
