import { customerStatuses, customerTypes } from '#lib/shared/customers.ts';
import { searchWords } from '#lib/shared/deal-filter.ts';
import type { Customer } from '#lib/shared/entities.ts';
import { plainText } from '#lib/shared/fields.ts';
import { otherLayout } from '#lib/shared/keyboard-layout.ts';

/** What a person asks of the table, as it stands in the address. `owner` is a member's id or `me`. */
export interface CustomerFilter {
  q?: string;
  status?: (typeof customerStatuses)[number];
  type?: (typeof customerTypes)[number];
  owner?: string;
  tag?: string;
}

const keys = ['q', 'status', 'type', 'owner', 'tag'] as const;

export function filterOf(params: URLSearchParams): CustomerFilter {
  return {
    q: params.get('q') || undefined,
    status: customerStatuses.find((status) => status === params.get('status')),
    type: customerTypes.find((type) => type === params.get('type')),
    owner: params.get('owner') || undefined,
    tag: params.get('tag') || undefined,
  };
}

/** The same address with another filter; everything else in it stays. */
export function withFilter(url: URL, filter: CustomerFilter): URL {
  const next = new URL(url);
  for (const key of keys) {
    const value = filter[key];
    if (value) next.searchParams.set(key, value);
    else next.searchParams.delete(key);
  }
  return next;
}

export function isEmptyFilter(filter: CustomerFilter): boolean {
  return keys.every((key) => !filter[key]);
}

/** Whether a customer fits; words may have been typed on the other keyboard layout. */
export function customerMatcher(
  { q = '', status, type, owner, tag }: CustomerFilter,
  me: string,
): (customer: Customer) => boolean {
  const ownerId = owner === 'me' ? me : owner;
  const tries = [...new Set([q, otherLayout(q)])].map(searchWords);
  return (customer) => {
    if (status && customer.status !== status) return false;
    if (type && customer.type !== type) return false;
    if (ownerId && customer.ownerId !== ownerId) return false;
    if (tag && !customer.tags.includes(tag)) return false;
    if (q === '') return true;
    const text = searchedText(customer);
    return tries.some((words) => words.every((word) => text.includes(word)));
  };
}

/** Rows are replaced, never edited, so that the text of a row is good as long as the row. */
const texts = new WeakMap<Customer, string>();

function searchedText(customer: Customer): string {
  const known = texts.get(customer);
  if (known !== undefined) return known;
  const { code, name, company, email, phone, city } = customer;
  const text = plainText([code, name, company, email, phone, city].filter(Boolean).join(' '));
  texts.set(customer, text);
  return text;
}
