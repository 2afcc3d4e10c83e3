import type { TimelineEntry } from '../timeline.ts';
import { decimalMoney } from './money.ts';
import { moneyColumns } from './shapes.ts';
import type { RestRequest, RestRoute } from './route.ts';

export const timelineRest: RestRoute[] = ['deals', 'customers'].map((entity) => ({
  method: 'GET',
  path: `/${entity}/{id}/history`,
  summary: 'Who changed what, the newest first',
  input: ({ params, query }: RestRequest) => ({ ...query, ...params, entity }),
  filled: ['entity'],
  output: ({ entries, nextBefore }: { entries: TimelineEntry[]; nextBefore: string | null }) => ({
    data: entries.map((entry) => withMoney(entity, entry)),
    meta: { nextBefore },
  }),
}));

function withMoney(entity: string, { currency, changes, ...entry }: TimelineEntry): object {
  const isMoney = (field: string) => moneyColumns[entity]?.minor?.includes(field) ?? false;
  const was = changes.find(({ field }) => field === 'currency')?.from ?? currency;
  const money = (value: unknown, unit: unknown) =>
    typeof value === 'number' && typeof unit === 'string' ? decimalMoney(value, unit) : value;
  return {
    ...entry,
    changes: changes.map(({ field, from, to }) =>
      isMoney(field)
        ? { field, from: money(from, was), to: money(to, currency) }
        : { field, from, to },
    ),
  };
}
