import type { MessageKey } from '#lib/shared/i18n.ts';
import type { FieldChange, ReadableField } from '#lib/ui/record/history.ts';
import type { Words } from '#lib/ui/words.svelte.ts';

export interface Names {
  stage(id: string): string | undefined;
  member(id: string): string | undefined;
  reason(id: string): string | undefined;
}

const labels: Record<string, MessageKey> = {
  title: 'deal.title',
  description: 'deal.description',
  customerName: 'deal.customer',
  value: 'deal.value',
  currency: 'deal.currency',
  probability: 'deal.probability',
  openedOn: 'deal.opened',
  expectedCloseOn: 'deal.closing',
  closedOn: 'deal.closed',
  priority: 'deal.priority',
  tags: 'deal.tags',
  ownerId: 'deal.owner',
  stageId: 'deal.stage',
  lostReasonId: 'deal.lostReason',
  nextActivityTitle: 'deal.nextActivity',
};

/** The changed fields that mean something to a person, with their values in words. */
export function readableFields(
  fields: FieldChange[],
  { words, names, currency }: { words: Words; names: Names; currency: string },
): ReadableField[] {
  const say: (key: MessageKey) => string = words.t;
  const text = (field: string, value: unknown): string => {
    if (value === null || value === undefined || value === '') return words.t('history.blank');
    if (field === 'value' && typeof value === 'number') return words.money({ value, currency });
    if (field === 'probability') return words.percent(Number(value));
    if (field.endsWith('On')) return words.fullDay(String(value).slice(0, 10));
    if (field === 'stageId') return names.stage(String(value)) ?? '?';
    if (field === 'ownerId') return names.member(String(value)) ?? '?';
    if (field === 'lostReasonId') return names.reason(String(value)) ?? '?';
    if (field === 'priority') return say(`priority.${String(value)}` as MessageKey);
    if (Array.isArray(value)) return value.length ? value.join(', ') : words.t('history.blank');
    return String(value);
  };
  return fields.flatMap(({ field, from, to }) => {
    const label = labels[field];
    return label ? [{ label: say(label), from: text(field, from), to: text(field, to) }] : [];
  });
}
