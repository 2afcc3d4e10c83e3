import { closings, priorities, type DealFilter } from './deal-filter.ts';

/** What a person asks of the board, as it stands in the address. `owner` is a member's id or `me`. */
export type Filter = Omit<DealFilter, 'pipelineId' | 'today'>;

const keys = ['q', 'owner', 'tag', 'closing', 'priority', 'noActivity'] as const;

export function filterOf(params: URLSearchParams): Filter {
  return {
    q: params.get('q') || undefined,
    owner: params.get('owner') || undefined,
    tag: params.get('tag') || undefined,
    closing: closings.find((closing) => closing === params.get('closing')),
    priority: priorities.find((priority) => priority === params.get('priority')),
    noActivity: params.has('noActivity') || undefined,
  };
}

/** The same address with another filter; everything else in it stays. */
export function withFilter(url: URL, filter: Filter): URL {
  const next = new URL(url);
  for (const key of keys) {
    const value = filter[key];
    if (value) next.searchParams.set(key, value === true ? '1' : value);
    else next.searchParams.delete(key);
  }
  return next;
}

export function isEmptyFilter(filter: Filter): boolean {
  return keys.every((key) => !filter[key]);
}
