import type { CustomerStats } from '../customers.ts';
import { act, crud } from './crud.ts';
import type { RestRequest, RestRoute } from './route.ts';

const basic = crud('/customers', { one: 'customer', many: 'customers' });

const status = (name: 'activate' | 'deactivate', value: 'active' | 'inactive'): RestRoute =>
  act(`/customers/{id}/${name}`, `Make a customer ${value}`, {
    input: ({ params }) => ({ id: params['id'], status: value }),
    message: `Customer is ${value}`,
  });

export const customerRest = {
  ...basic,
  list: [
    ...basic.list,
    {
      method: 'GET',
      path: '/customers/search',
      summary: 'Search customers by name, e-mail, company, phone or code',
      alsoKnownAs: { q: 'search', query: 'search' },
    },
  ],
  update: [...basic.update, status('activate', 'active'), status('deactivate', 'inactive')],
  stats: [
    {
      method: 'GET',
      path: '/customers/stats',
      summary: 'Customers by status and type',
      output: ({ total, active, inactive, byType, byStatus }: CustomerStats) => ({
        total,
        active,
        inactive,
        by_type: byType,
        by_status: byStatus,
      }),
    },
  ],
  delete: [
    {
      method: 'DELETE',
      path: '/customers/{id}',
      summary: 'Delete a customer who has no open deals',
      output: () => {
        const message = 'Customer deleted';
        return { data: { message, relatedRecordsDeleted: { salesOrders: 0 } }, message };
      },
    },
  ],
  restore: [act('/customers/{id}/restore', 'Bring a deleted customer back')],
} satisfies Record<string, RestRoute[]>;

/** A note below a record, as an activity. */
export const noteOn =
  (target: 'customerId' | 'dealId') =>
  ({ params, body }: RestRequest) => {
    const { note, notes, text, title, ...rest } = body;
    const words = note ?? notes ?? text ?? rest['body'] ?? title;
    const first = typeof words === 'string' ? words.trim().split('\n', 1)[0]?.slice(0, 200) : words;
    return { ...rest, [target]: params['id'], kind: 'note', title: title ?? first, body: words };
  };
