import type { MessageKey } from '#lib/shared/i18n.ts';
import type { FieldChange, ReadableField } from '#lib/ui/record/history.ts';
import type { Words } from '#lib/ui/words.svelte.ts';

const told = [
  'name',
  'type',
  'status',
  'email',
  'phone',
  'company',
  'website',
  'industry',
  'street',
  'city',
  'state',
  'country',
  'postalCode',
  'tags',
  'notes',
  'ownerId',
] as const;

/** The changed fields of a customer, with their values in words. */
export function readableFields(
  changes: FieldChange[],
  { words, memberName }: { words: Words; memberName: (id: string) => string },
): ReadableField[] {
  const say: (key: MessageKey) => string = words.t;
  const text = (field: string, value: unknown): string => {
    const list = Array.isArray(value) ? value.join(', ') : value;
    if (list === null || list === undefined || list === '') return words.t('history.blank');
    const plain = String(list);
    if (field === 'ownerId') return memberName(plain) || '?';
    if (field === 'type') return say(`customerType.${plain}` as MessageKey);
    if (field === 'status') return say(`customerStatus.${plain}` as MessageKey);
    return plain;
  };
  return changes.flatMap(({ field, from, to }) => {
    const known = told.find((one) => one === field);
    if (!known) return [];
    return [{ label: words.t(`customer.${known}`), from: text(field, from), to: text(field, to) }];
  });
}
