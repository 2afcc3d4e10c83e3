import { z } from 'zod/mini';
import type { Deal } from './entities.ts';
import * as field from './fields.ts';
import { plainText } from './fields.ts';
import type { Measure } from './totals.ts';

export const closings = ['overdue', 'week', 'month', 'quarter', 'none'] as const;
export const priorities = ['low', 'medium', 'high', 'urgent'] as const;

/** Which deals a board shows. `today` is the organization's day, which the closing filters count from. */
export const dealFilter = z.strictObject({
  pipelineId: field.id,
  today: field.day,
  q: z.optional(field.text(200)),
  owner: z.optional(field.id),
  tag: z.optional(field.text(50)),
  closing: z.optional(z.enum(closings)),
  priority: z.optional(z.enum(priorities)),
  noActivity: z.optional(z.boolean()),
});
export type DealFilter = z.infer<typeof dealFilter>;

/** Days from today that a closing filter reaches; both ends are in. */
export const closingDays = { week: 7, month: 30, quarter: 90 } as const;
/** Won and lost count apart when they were closed within this many days. */
export const recentDays = 90;

export function addDays(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

export const searchWords = (q: string | undefined): string[] =>
  plainText(q ?? '')
    .split(/\s+/)
    .filter(Boolean);

/** Whether a deal fits; `fitsFilter` of server/deals.ts says the same in SQL. */
export function dealMatcher(filter: DealFilter): (deal: Deal) => boolean {
  const words = searchWords(filter.q);
  const closes = closingTest(filter);
  return (deal) => {
    if (deal.pipelineId !== filter.pipelineId) return false;
    if (filter.owner && deal.ownerId !== filter.owner) return false;
    if (filter.tag && !deal.tags.includes(filter.tag)) return false;
    if (filter.priority && deal.priority !== filter.priority) return false;
    if (filter.noActivity && deal.nextActivityId !== null) return false;
    if (closes && !closes(deal.expectedCloseOn)) return false;
    if (words.length === 0) return true;
    const searched = plainText(`${deal.title} ${deal.customerName ?? ''}`);
    return words.every((word) => searched.includes(word));
  };
}

function closingTest({
  closing,
  today,
}: DealFilter): ((day: string | null) => boolean) | undefined {
  if (!closing) return undefined;
  if (closing === 'none') return (day) => day === null;
  if (closing === 'overdue') return (day) => day !== null && day < today;
  const last = addDays(today, closingDays[closing]);
  return (day) => day !== null && day >= today && day <= last;
}

/** What a deal adds to its stage, by currency: deals, sum, weighted sum; then deals and sum closed recently. */
export function dealMeasure(filter: DealFilter): Measure {
  const matches = dealMatcher(filter);
  const recent = addDays(filter.today, -recentDays);
  return (row) => {
    const deal = row as Deal;
    if (!matches(deal)) return undefined;
    const value = deal.value ?? 0;
    const isRecent = deal.closedOn !== null && deal.closedOn >= recent;
    return {
      group: `${deal.stageId}/${deal.currency}`,
      figures: [1, value, deal.expectedRevenue ?? 0, isRecent ? 1 : 0, isRecent ? value : 0],
    };
  };
}

/** Rounded half up per deal, as the database does. */
export const expectedRevenue = (value: number | null, probability: number): number | null =>
  value === null ? null : Number((BigInt(value) * BigInt(probability) + 50n) / 100n);
