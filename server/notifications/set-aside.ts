import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import { toAdministrators } from './administrators.ts';
import type { Told } from './told.ts';

interface Aside {
  id: string;
  name: string;
  reader: string;
  source: string;
}

/** Changes that a reader of the log could not take in: told to administrators, so that somebody looks. */
export async function setAsideNow(tx: Tx): Promise<Told[]> {
  const { rows } = await sql<Aside>`
    select o.id, o.name, p.reader, 'aside/' || p.reader || '/' || p.pos as source
    from sync.reader_poison p join organizations o on o.id = p.organization_id
    where not exists (select from notification_sources s
      where s.source = 'aside/' || p.reader || '/' || p.pos)
    order by p.at`.execute(tx);
  const [first] = rows;
  if (!first) return [];
  const told = await toAdministrators(tx, first);
  return rows.map(({ reader, source }) => ({
    rule: { kind: 'syncFailure', words: 'setAside', severity: 'danger' },
    ...told,
    data: { words: 'setAside', text: reader },
    source,
    thread: `aside/${reader}`,
  }));
}
