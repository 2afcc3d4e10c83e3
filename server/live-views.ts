import { customerCounts, customerList } from './customer-list.ts';
import { customerTotals } from './customer-totals.ts';
import { dealTotals } from './deals.ts';
import { inboxTotals } from './notifications/totals.ts';
import { recordCounts } from './record-counts.ts';

/** The live figures and lists that can be subscribed to; the access test walks them. */
export const liveTotals = [
  dealTotals,
  customerTotals,
  customerCounts,
  inboxTotals,
  ...recordCounts,
];
export const liveLists = [customerList];
