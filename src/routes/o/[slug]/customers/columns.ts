import { customerSorts, type CustomerSort } from '#lib/shared/customer-list.ts';
import { customerStatuses, customerTypes, type updateCustomer } from '#lib/shared/customers.ts';
import type { Customer } from '#lib/shared/entities.ts';
import type { Words } from '#lib/ui/words.svelte.ts';

/** Every column of the table can be sorted by. */
export const columns = customerSorts;
export type Column = CustomerSort;

export type CustomerEdit = Omit<Parameters<typeof updateCustomer.apply>[1], 'id'>;
export type Field = keyof CustomerEdit;

/** Figures of the open deals and the code are nobody's to write. */
export function isEditable(column: Column): column is Column & Field {
  return column !== 'code' && column !== 'deals' && column !== 'sum';
}

/** A field's value as it stands in an input. */
export function textOf(customer: Customer, field: Field): string {
  const value = customer[field];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

/** The field with what was typed in it; blank is null where it may be. */
export function editOf(field: Field, text: string): CustomerEdit {
  if (field === 'tags') return { tags: tagsOf(text) };
  if (field === 'notes') return { notes: text };
  const trimmed = text.trim();
  if (field === 'name') return { name: trimmed };
  if (field === 'type') return { type: customerTypes.find((one) => one === trimmed) };
  if (field === 'status') return { status: customerStatuses.find((one) => one === trimmed) };
  return { [field]: trimmed || null };
}

/** What may be chosen for a field; undefined where it is written freely. */
export function choicesOf(
  field: Field,
  { words: { t }, owners }: { words: Words; owners: { id: string; name: string }[] },
): { value: string; label: string }[] | undefined {
  if (field === 'type')
    return customerTypes.map((value) => ({ value, label: t(`customerType.${value}`) }));
  if (field === 'status')
    return customerStatuses.map((value) => ({ value, label: t(`customerStatus.${value}`) }));
  if (field !== 'ownerId') return undefined;
  return [
    { value: '', label: t('customer.noOwner') },
    ...owners.map(({ id, name }) => ({ value: id, label: name })),
  ];
}

function tagsOf(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  return [...new Set(tags.filter(Boolean))];
}
