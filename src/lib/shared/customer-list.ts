import { z } from 'zod/mini';
import { customerStatuses, customerTypes } from './customers.ts';
import { searchWords } from './deal-filter.ts';
import type { Customer } from './entities.ts';
import * as field from './fields.ts';
import { plainText } from './fields.ts';
import { otherLayout } from './keyboard-layout.ts';
import { sortText, type ListShape } from './listings.ts';
import type { Measure } from './totals.ts';

/** By a column of the customer, or by the open deals that it has. */
export const customerSorts = [
  'name',
  'code',
  'status',
  'type',
  'email',
  'phone',
  'city',
  'tags',
  'ownerId',
  'deals',
  'sum',
] as const;
export type CustomerSort = (typeof customerSorts)[number];

/** Which customers a list shows, and in which order. */
export const customerListParams = z.strictObject({
  q: z.optional(field.text(200)),
  status: z.optional(z.enum(customerStatuses)),
  type: z.optional(z.enum(customerTypes)),
  ownerId: z.optional(field.id),
  tag: z.optional(field.text(50)),
  sort: z.enum(customerSorts),
  descending: z.optional(z.boolean()),
});
export type CustomerListParams = z.infer<typeof customerListParams>;

/** Every way of reading a search: words as they were typed, and as the other keyboard layout has them. */
export const searchTries = (q: string): string[][] =>
  [...new Set([q, otherLayout(q)])].map(searchWords);

/** Whether a customer fits; `server/customer-list.ts` says the same in SQL. */
export function customerMatcher({
  q = '',
  status,
  type,
  ownerId,
  tag,
}: Partial<CustomerListParams>): (customer: Customer) => boolean {
  const tries = searchTries(q);
  return (customer) => {
    if (status && customer.status !== status) return false;
    if (type && customer.type !== type) return false;
    if (ownerId && customer.ownerId !== ownerId) return false;
    if (tag && !customer.tags.includes(tag)) return false;
    if (q === '') return true;
    const { code, name, company, email, phone, city } = customer;
    const text = plainText([code, name, company, email, phone, city].filter(Boolean).join(' '));
    return tries.some((words) => words.every((word) => text.includes(word)));
  };
}

/** The list's shape, where the order needs nothing but the customer itself. */
export function customerShape(
  params: CustomerListParams,
  keyOf: (customer: Customer) => string | null = (customer) => textKey(customer, params.sort),
): ListShape {
  const fits = customerMatcher(params);
  return {
    fits: (row) => fits(row as Customer),
    keyOf: (row) => keyOf(row as Customer),
    isDescending: params.descending ?? false,
  };
}

function textKey(customer: Customer, sort: CustomerSort): string | null {
  if (sort === 'deals' || sort === 'sum') return null;
  const value = customer[sort];
  return sortText(Array.isArray(value) ? value.join(' ') : (value ?? '')) || null;
}

/** Customers counted by their status. */
export const measureStatus: Measure = (row) => ({
  group: (row as Customer).status,
  figures: [1],
});
