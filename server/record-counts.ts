import { sql } from 'kysely';
import { z } from 'zod/mini';
import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import { countName, measureRecords } from '#lib/shared/record-counts.ts';
import { isPersonal, seenSql } from './access.ts';
import type { TotalsDefinition } from './live/totals.ts';

/**
 * How many records there are of each kind, as far as one may see them. A page of history watches them: it
 * is told when any of them changes, and of nothing else.
 */
export const recordCounts = entityNames.filter((entity) => !isPersonal(entity)).map(countOf);

function countOf(entity: EntityName): TotalsDefinition<object> {
  return {
    name: countName(entity),
    entity,
    params: z.strictObject({}),
    measure: () => measureRecords,
    async load(tx, member) {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from ${sql.table(entity)}
        where organization_id = ${member.organizationId}::uuid and ${seenSql(member, entity)}`.execute(
        tx,
      );
      const count = rows[0]?.count ?? 0;
      return count > 0 ? [['all', [count]]] : [];
    },
  };
}
