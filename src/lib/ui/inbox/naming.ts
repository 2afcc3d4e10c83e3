import type { Live } from '#lib/live/live.svelte.ts';
import type { MessageKey } from '#lib/shared/i18n.ts';
import type { Naming } from '#lib/shared/inbox-sentence.ts';
import type { Words } from '../words.svelte.ts';

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

/** The names of this page's language and of the rows that are here. */
export const namingOf = (live: Live, words: Words): Naming => ({
  stage: (id) => live.rows('stages').get(id)?.name,
  field: (name) => {
    if (!Object.hasOwn(fields, name)) return undefined;
    return words.t(fields[name as keyof typeof fields]).toLocaleLowerCase(words.locale);
  },
  money: (value, currency) => words.compactMoney({ value, currency }),
  day: (moment) => words.shortDay(words.dayOf(new Date(moment))),
});
