import type { AuditPage } from '../audit.ts';
import type { RestRoute } from './route.ts';

const list: RestRoute[] = [
  {
    method: 'GET',
    path: '/audit',
    summary: 'Everything that was done, the newest first',
    output: ({ entries, nextBefore }: AuditPage) => ({ data: entries, meta: { nextBefore } }),
  },
];

const state: RestRoute[] = [
  {
    method: 'GET',
    path: '/audit/state',
    summary: 'How far the history is sealed, and whether it was found whole',
  },
];

const exported: RestRoute[] = [
  {
    method: 'POST',
    path: '/audit/export',
    summary: 'What a filter finds as CSV',
    status: 200,
    output: (answer: object) => answer,
  },
];

export const auditRest = { list, state, export: exported };
