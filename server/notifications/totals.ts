import { z } from 'zod/mini';
import { measureInbox } from '#lib/shared/inbox.ts';
import { sql } from 'kysely';
import { seenSql } from '../access.ts';
import type { TotalsDefinition } from '../live/totals.ts';

/** How much is unread in one's inbox, by record and kind. */
export const inboxTotals: TotalsDefinition<object> = {
  name: 'inboxTotals',
  entity: 'notifications',
  params: z.strictObject({}),
  measure: () => measureInbox,
  async load(tx, member) {
    const rows = await tx
      .selectFrom('notifications')
      .select(['recordId', 'kind', sql<number>`count(*)`.as('count')])
      .where('organizationId', '=', member.organizationId)
      .where(seenSql(member, 'notifications'))
      .where('state', '=', 'unread')
      .groupBy(['recordId', 'kind'])
      .execute();
    return rows.map(({ recordId, kind, count }) => [`${recordId}/${kind}`, [Number(count)]]);
  },
};
