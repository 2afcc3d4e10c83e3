import { z } from 'zod/mini';
import type { Deal } from './entities.ts';
import type { Measure } from './totals.ts';

/** They are asked for all customers at once. */
export const customerTotalsParams = z.strictObject({});

/** What an open deal adds to its customer, by currency: deals and sum. */
export const measureCustomer: Measure = (row) => {
  const { state, customerId, currency, value } = row as Deal;
  if (state !== 'open' || customerId === null) return undefined;
  return { group: `${customerId}/${currency}`, figures: [1, value ?? 0] };
};
