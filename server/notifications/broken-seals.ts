import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import { toAdministrators } from './administrators.ts';
import type { Told } from './told.ts';

interface Finding {
  id: string;
  name: string;
  source: string;
}

/** What the last look at the sealed history has found changed: each finding is told once. */
export async function brokenSealsNow(tx: Tx): Promise<Told[]> {
  const { rows } = await sql<Finding>`
    select o.id, o.name, 'seal/' || f.finding as source
    from sync.seal_checks c
    join organizations o on o.id = c.organization_id
    cross join lateral unnest(c.findings) with ordinality f(finding, place)
    where not exists (select from notification_sources s where s.source = 'seal/' || f.finding)
    order by f.place`.execute(tx);
  const [first] = rows;
  if (!first) return [];
  const told = await toAdministrators(tx, first);
  return rows.map(({ source }) => ({
    rule: { kind: 'alert', words: 'sealBroken', severity: 'danger' },
    ...told,
    data: { words: 'sealBroken' },
    source,
    thread: 'seal/sealBroken',
  }));
}
