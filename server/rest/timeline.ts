import type { TimelinePage } from '../timeline.ts';
import type { TimelineEntry } from '../timeline/entries.ts';
import { decimalMoney } from './money.ts';
import { moneyColumns } from './shapes.ts';
import type { RestRequest, RestRoute } from './route.ts';

const output = ({ entries, names, nextBefore }: TimelinePage) => ({
  data: entries.map(withMoney),
  meta: { nextBefore, names },
});

const ofRecord: RestRoute[] = ['deals', 'customers'].flatMap((entity) =>
  ['history', 'timeline'].map((word): RestRoute => ({
    method: 'GET',
    path: `/${entity}/{id}/${word}`,
    summary: 'Who changed what, the newest first',
    input: ({ params, query }: RestRequest) => ({ ...query, ...params, entity }),
    filled: ['entity'],
    output,
  })),
);

const ofOrganization: RestRoute[] = [
  {
    method: 'GET',
    path: '/timeline',
    summary: 'Who changed what of all that you may see, the newest first',
    output,
  },
];

export const timelineRest = { ofRecord, ofOrganization };

function withMoney({ currency, changes, ...entry }: TimelineEntry): object {
  const isMoney = (field: string) => moneyColumns[entry.entity]?.minor?.includes(field) ?? false;
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
