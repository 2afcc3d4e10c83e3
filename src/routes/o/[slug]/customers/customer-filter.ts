import { customerStatuses, customerTypes } from '#lib/shared/customers.ts';

/** What a person asks of the table, as it stands in the address. `owner` is a member's id or `me`. */
export interface CustomerFilter {
  q?: string;
  status?: (typeof customerStatuses)[number];
  type?: (typeof customerTypes)[number];
  owner?: string;
  tag?: string;
}

const keys = ['q', 'status', 'type', 'owner', 'tag'] as const;

export function filterOf(params: URLSearchParams): CustomerFilter {
  return {
    q: params.get('q') || undefined,
    status: customerStatuses.find((status) => status === params.get('status')),
    type: customerTypes.find((type) => type === params.get('type')),
    owner: params.get('owner') || undefined,
    tag: params.get('tag') || undefined,
  };
}

/** The same address with another filter; everything else in it stays. */
export function withFilter(url: URL, filter: CustomerFilter): URL {
  const next = new URL(url);
  for (const key of keys) {
    const value = filter[key];
    if (value) next.searchParams.set(key, value);
    else next.searchParams.delete(key);
  }
  return next;
}

export function isEmptyFilter(filter: CustomerFilter): boolean {
  return keys.every((key) => !filter[key]);
}
