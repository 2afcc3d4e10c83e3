import { newId } from '#lib/shared/ids.ts';
import { act } from './crud.ts';
import type { RestRoute } from './route.ts';

const path = '/notifications';
const filled = ['ids', 'state'];

export const notificationRest = {
  list: [{ method: 'GET', path, summary: 'What you were told, the newest first' }],
  mark: [
    act(`${path}/{id}/read`, 'Mark as read', {
      input: ({ params }) => ({ ids: [params['id']], state: 'read' }),
      filled,
    }),
    act(`${path}/{id}/unread`, 'Mark as unread', {
      input: ({ params }) => ({ ids: [params['id']], state: 'unread' }),
      filled,
    }),
    act(`${path}/{id}/done`, 'Take out of the inbox', {
      input: ({ params }) => ({ ids: [params['id']], state: 'done' }),
      filled,
    }),
  ],
  readAll: [
    act(`${path}/read-all`, 'Mark all that is unread as read', {
      input: () => ({ upTo: Date.now() }),
      filled: ['upTo'],
    }),
  ],
  preferences: [{ method: 'GET', path: `${path}/preferences`, summary: 'How you want to be told' }],
  prefer: [
    {
      method: 'PUT',
      path: `${path}/preferences`,
      summary: 'Choose how you want to be told; what is left out stays',
      input: ({ body }) => ({ id: newId(), ...body }),
      filled: ['id'],
    },
  ],
} satisfies Record<string, RestRoute[]>;
