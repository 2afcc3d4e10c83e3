import { act, crud } from './crud.ts';
import { noteOn } from './customers.ts';
import type { RestRequest, RestRoute } from './route.ts';

const basic = crud('/activities', { one: 'activity', many: 'activities' });

const below = (target: 'customerId' | 'dealId') => ({
  input: ({ params, query }: RestRequest) => ({ ...query, [target]: params['id'] }),
});

export const activityRest = {
  ...basic,
  list: [
    ...basic.list,
    {
      method: 'GET',
      path: '/customers/{id}/activities',
      summary: 'What happened with a customer',
      ...below('customerId'),
    },
    {
      method: 'GET',
      path: '/deals/{id}/activities',
      summary: 'What happened with a deal',
      ...below('dealId'),
    },
    {
      method: 'GET',
      path: '/customers/{id}/notes',
      summary: 'Notes about a customer',
      input: ({ params, query }: RestRequest) => ({
        ...query,
        customerId: params['id'],
        kind: 'note',
      }),
    },
  ],
  create: [
    ...basic.create,
    {
      method: 'POST',
      path: '/customers/{id}/add_note',
      summary: 'Note something about a customer',
      input: noteOn('customerId'),
      filled: ['kind', 'title'],
    },
    {
      method: 'POST',
      path: '/deals/{id}/add_note',
      summary: 'Note something about a deal',
      input: noteOn('dealId'),
      filled: ['kind', 'title'],
    },
  ],
  complete: [
    act('/activities/{id}/complete', 'Mark an activity as done', {
      input: ({ params }) => ({ id: params['id'], isDone: true }),
    }),
    act('/activities/{id}/reopen', 'Mark an activity as not done', {
      input: ({ params }) => ({ id: params['id'], isDone: false }),
    }),
  ],
} satisfies Record<string, RestRoute[]>;
