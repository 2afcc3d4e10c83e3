import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import { administers, listeners } from './people.ts';
import type { Target, Told } from './told.ts';

interface Aside {
  id: string;
  name: string;
  reader: string;
  pos: number;
  source: string;
}

/** Changes that a reader of the log could not take in: told to administrators, so that somebody looks. */
export async function setAsideNow(tx: Tx): Promise<Told[]> {
  const { rows } = await sql<Aside>`
    select o.id, o.name, p.reader, p.pos, 'aside/' || p.reader || '/' || p.pos as source
    from sync.reader_poison p join organizations o on o.id = p.organization_id
    where not exists (select from notification_sources s
      where s.source = 'aside/' || p.reader || '/' || p.pos)
    order by p.at`.execute(tx);
  if (rows.length === 0) return [];
  const to = [...(await listeners(tx)).keys()];
  return rows.map(({ id, name, reader, source }): Told => {
    const target: Target = {
      ...{ entity: 'organizations', id, title: name, keys: [administers] },
      ...{ ownerId: null, createdBy: null },
    };
    return {
      rule: { kind: 'syncFailure', words: 'setAside', severity: 'danger' },
      ...{ to, toFollowers: false, actor: null },
      targets: [target],
      about: undefined,
      data: { words: 'setAside', text: reader },
      position: 0,
      source,
      thread: `aside/${reader}`,
      at: new Date(),
    };
  });
}
