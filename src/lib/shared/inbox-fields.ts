import type { MessageKey, Translate } from './i18n.ts';

/** What the fields of deals and customers are called. */
const fields = {
  title: 'deal.title',
  description: 'deal.description',
  customerId: 'deal.customer',
  value: 'deal.value',
  currency: 'deal.currency',
  probability: 'deal.probability',
  openedOn: 'deal.opened',
  expectedCloseOn: 'deal.closing',
  priority: 'deal.priority',
  tags: 'deal.tags',
  ownerId: 'deal.owner',
  stageId: 'deal.stage',
  lostReasonId: 'deal.lostReason',
  products: 'settings.products',
  name: 'customer.name',
  type: 'customer.type',
  status: 'customer.status',
  email: 'customer.email',
  phone: 'customer.phone',
  company: 'customer.company',
  website: 'customer.website',
  industry: 'customer.industry',
  street: 'customer.street',
  city: 'customer.city',
  state: 'customer.state',
  country: 'customer.country',
  postalCode: 'customer.postalCode',
  notes: 'customer.notes',
} as const satisfies Record<string, MessageKey>;

export function fieldName(t: Translate, name: string): string | undefined {
  return Object.hasOwn(fields, name) ? t(fields[name as keyof typeof fields]) : undefined;
}
