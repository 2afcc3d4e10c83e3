import type { RestRequest, RestRoute } from './route.ts';

export const timelineRest: RestRoute[] = ['deals', 'customers'].map((entity) => ({
  method: 'GET',
  path: `/${entity}/{id}/history`,
  summary: 'Who changed what, the newest first',
  input: ({ params, query }: RestRequest) => ({ ...query, ...params, entity }),
  output: ({ entries, nextBefore }: { entries: unknown[]; nextBefore: string | null }) => ({
    data: entries,
    meta: { nextBefore },
  }),
}));
