import type { HistoryWords, Told } from '#lib/shared/history.ts';
import type { EntityName } from '#lib/shared/entities.ts';
import type { MessageKey } from '#lib/shared/i18n.ts';
import type { historyEn } from '#lib/shared/messages-history-en.ts';
import type { Words } from '../words.svelte.ts';

type Key = keyof typeof historyEn;

export interface Means {
  say: HistoryWords;
  words: Words;
  /** What an id in a value is called. */
  nameOf(id: string): string | undefined;
}

export interface FieldWords {
  field: string;
  label: string;
  from: string;
  to: string;
}

const isId = (value: string): boolean => /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(value);
const isMoment = (value: string): boolean => /^\d{4}-\d\d-\d\dT/.test(value);
const isDay = (value: string): boolean => /^\d{4}-\d\d-\d\d$/.test(value);
const mostLetters = 80;

/** A field in words; undefined where it says nothing to a person. */
export function labelOf(say: HistoryWords, field: string): string | undefined {
  const text: (key: Key) => string = say;
  const key = `field.${field}`;
  return say.knows(key) ? text(key) : undefined;
}

export function kindOf(say: HistoryWords, entity: EntityName): string {
  const text: (key: Key) => string = say;
  const key = `kind.${entity}`;
  return say.knows(key) ? text(key) : entity;
}

/** Changed fields with their values in words. */
export function fieldWords(
  changes: Told['changes'],
  { entity, currency }: Pick<Told, 'entity' | 'currency'>,
  means: Means,
): FieldWords[] {
  return changes.flatMap(({ field, from, to }): FieldWords[] => {
    const label = labelOf(means.say, field);
    if (!label || silent.has(field)) return [];
    const text = (value: unknown) => valueText(value, { entity, field, currency }, means);
    return [{ field, label, from: text(from), to: text(to) }];
  });
}

/** What stands beside another field that says the same. */
const silent = new Set(['customerName', 'state', 'probabilityManual', 'expectedRevenue']);

const enums: Record<string, string> = {
  'deals.priority': 'priority',
  'activities.kind': 'activity',
  'customers.type': 'customerType',
  'customers.status': 'customerStatus',
};

function valueText(
  value: unknown,
  { entity, field, currency }: { entity: EntityName; field: string; currency: string | null },
  { say, words, nameOf }: Means,
): string {
  if (value === null || value === undefined || value === '') return say('blank');
  if (typeof value === 'boolean') return say(value ? 'yes' : 'no');
  if (field === 'value' && typeof value === 'number' && currency)
    return words.money({ value, currency });
  if (field === 'probability') return words.percent(Number(value));
  if (typeof value === 'number') return words.number(value);
  if (Array.isArray(value)) {
    const list = value.map((one) => textOf(String(one)));
    return list.length > 0 ? list.join(', ') : say('blank');
  }
  return typeof value === 'string' ? textOf(value) : '…';

  function textOf(plain: string): string {
    if (isId(plain)) return nameOf(plain) ?? say('unknown');
    if (isMoment(plain)) {
      const at = new Date(plain);
      return `${words.shortDay(words.dayOf(at))}, ${words.clock(at)}`;
    }
    if (isDay(plain)) return words.fullDay(plain);
    const key = `${enums[`${entity}.${field}`] ?? ''}.${plain}`;
    const text: (known: MessageKey) => string = words.t;
    if (words.t.knows(key)) return text(key);
    return plain.length > mostLetters ? `${plain.slice(0, mostLetters)}…` : plain;
  }
}

/** Who did it, in words. */
export function actorName(say: HistoryWords, actor: Told['actor']): string {
  if (!actor) return say('database');
  if (actor.memberId) return actor.name;
  if (actor.name === 'import') return say('import');
  return isId(actor.name) ? say('unknown') : actor.name;
}
