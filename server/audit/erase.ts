import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { blankPassages } from './blank.ts';
import { erasureText, type Erased } from './erasures.ts';
import type { AuditKey } from './key.ts';
import { findPassages, wordsOf, type Passage } from './passages.ts';
import { inOrganization } from './seal.ts';

export interface Whom {
  entity: 'customers' | 'members';
  id: string;
}

type Values = Record<string, unknown>;

/** What is left of a person; a name has to be there. */
const leftOf: Record<Whom['entity'], Values> = {
  customers: {
    name: 'Erased',
    email: null,
    phone: null,
    company: null,
    website: null,
    industry: null,
    street: null,
    city: null,
    state: null,
    country: null,
    postal_code: null,
    tags: [],
    notes: '',
    custom: {},
  },
  members: { name: 'Erased', email: null, user_id: null, is_active: false },
};

/** Columns of other records in which a person's name stands too. */
const copies: Record<Whom['entity'], { entity: string; column: string; by: string }[]> = {
  customers: [{ entity: 'deals', column: 'customer_name', by: 'customer_id' }],
  members: [],
};

/**
 * Erases a person's data: in the record itself, in the images that the log still has, in the answers that
 * are kept of changes, and in the history, whose digests stay so that the seal does. What was erased is
 * an event of the audit, signed. All in one transaction; answers how many rows of the history lost values.
 */
export async function erasePerson(
  owner: Pool,
  {
    organizationId,
    whom,
    key,
    blank = [],
  }: {
    organizationId: string;
    whom: Whom;
    key: AuditKey;
    /** Which passages of others are blanked, by their places. */
    blank?: string[] | 'all';
  },
): Promise<number> {
  return inOrganization(owner, organizationId, async (client) => {
    await client.query(`select set_config('app.actor', 'erasure', true)`);
    // The history must not be written meanwhile, of images that are about to go.
    const { rows } = await client.query<{ pos: number }>(
      `select pos from sync.reader_cursors where organization_id = $1 and reader = 'history' for update`,
      [organizationId],
    );
    const toPos = rows[0]?.pos ?? 0;
    const words = await wordsOf(client, organizationId, whom);
    const passages = await findPassages(client, organizationId, { whom, words });
    const chosen = passages.filter(({ place }) => blank === 'all' || blank.includes(place));
    const blanked = await blankPassages(client, organizationId, { chosen, words });
    if (whom.entity === 'members') await eraseAccount(client, organizationId, whom.id);
    await eraseRecord(client, organizationId, whom);
    const records = [
      { ...whom, toPos },
      ...(await copiesOf(client, organizationId, whom)).map((copy) => ({ ...copy, toPos })),
    ];
    const named = [...records, ...blanked.records.map((record) => ({ ...record, toPos }))];
    await eraseImages(client, organizationId, whom);
    await eraseNotifications(client, organizationId, [whom.id, ...records.map(({ id }) => id)]);
    const erased = await eraseHistory(client, organizationId, records);
    await client.query(
      `insert into sync.audit_events (organization_id, id, kind, about) values ($1, $2, 'erased', $3)`,
      [
        organizationId,
        randomUUID(),
        JSON.stringify({
          records: named,
          signature: key.sign(erasureText(organizationId, named)).toString('hex'),
        }),
      ],
    );
    return erased + blanked.historyRows;
  });
}

/** Where others have named a person, and by which words. */
export const passagesOf = (
  owner: Pool,
  { organizationId, whom }: { organizationId: string; whom: Whom },
): Promise<Passage[]> =>
  inOrganization(owner, organizationId, async (client) => {
    const words = await wordsOf(client, organizationId, whom);
    return findPassages(client, organizationId, { whom, words });
  });

async function eraseRecord(
  client: PoolClient,
  organizationId: string,
  { entity, id }: Whom,
): Promise<void> {
  await client.query(
    `update crm.${entity} set (${Object.keys(leftOf[entity]).join(', ')}) =
       (select ${Object.keys(leftOf[entity])
         .map((column) => `left_of.${column}`)
         .join(', ')}
        from jsonb_populate_record(null::crm.${entity}, $3::jsonb) left_of)
     where organization_id = $1 and id = $2`,
    [organizationId, id, JSON.stringify(leftOf[entity])],
  );
}

/** The account of a member who is nowhere else; one that others know as well stays theirs. */
async function eraseAccount(
  client: PoolClient,
  organizationId: string,
  memberId: string,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `update platform.users u set name = 'Erased', email = u.id || '@erased.invalid', password_hash = null,
       is_active = false
     from crm.members m where m.organization_id = $1 and m.id = $2 and u.id = m.user_id
       and platform.is_only_in(u.id, $1)
     returning u.id`,
    [organizationId, memberId],
  );
  for (const { id } of rows)
    for (const table of ['sessions', 'refresh_tokens'])
      await client.query(`delete from platform.${table} where user_id = $1`, [id]);
}

/** Other records whose history has the person's name. */
async function copiesOf(
  client: PoolClient,
  organizationId: string,
  { entity, id }: Whom,
): Promise<Omit<Erased, 'toPos'>[]> {
  const found: Omit<Erased, 'toPos'>[] = [];
  for (const { entity: other, column, by } of copies[entity]) {
    const { rows } = await client.query<{ id: string }>(
      `select distinct h.id from sync.history h
       where h.organization_id = $1 and h.entity = $2 and h.changes ? $3
         and (exists (select from crm.${other} r where r.organization_id = h.organization_id
                and r.id = h.id and r.${by} = $4)
           or exists (select from sync.history x where x.organization_id = h.organization_id
                and x.entity = h.entity and x.id = h.id and x.changes -> $5 @> to_jsonb($4::text)))`,
      [organizationId, other, column, id, by],
    );
    found.push(...rows.map((row) => ({ entity: other, id: row.id })));
  }
  return found;
}

/** Images keep their shape: what a person's columns held becomes what is left of them. */
async function eraseImages(
  client: PoolClient,
  organizationId: string,
  { entity, id }: Whom,
): Promise<void> {
  const left = (image: string, which: string): string =>
    `${image} || (select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(${which}::jsonb) e
       where ${image} ? e.key)`;
  await client.query(
    `update sync.change_log set before = ${left('before', '$4')}, after = ${left('after', '$4')}
     where organization_id = $1 and entity = $2 and id = $3`,
    [organizationId, entity, id, JSON.stringify(leftOf[entity])],
  );
  for (const { entity: other, column, by } of copies[entity])
    await client.query(
      `update sync.change_log set before = ${left('before', '$4')}, after = ${left('after', '$4')}
       where organization_id = $1 and entity = $2
         and (before ->> '${by}' = $3::text or after ->> '${by}' = $3::text)`,
      [organizationId, other, id, JSON.stringify({ [column]: leftOf[entity]['name'] })],
    );
  await client.query(
    `update sync.mutations set answer = '{"erased": true}'
     where organization_id = $1 and answer::text like '%' || $2::text || '%'`,
    [organizationId, id],
  );
  await client.query(
    `update sync.subjects set title = null where organization_id = $1 and entity = $2 and id = $3`,
    [organizationId, entity, id],
  );
}

/** What people were told of it goes, from the log as well. */
async function eraseNotifications(
  client: PoolClient,
  organizationId: string,
  ids: string[],
): Promise<void> {
  await client.query(
    `delete from crm.notifications where organization_id = $1
       and (record_id = any ($2::uuid[]) or subject_id = any ($2::uuid[]))`,
    [organizationId, ids],
  );
  await client.query(
    `update sync.change_log set before = before - '{title,data}'::text[], after = after - '{title,data}'::text[]
     where organization_id = $1 and entity = 'notifications'
       and (coalesce(after, before) ->> 'record_id' = any ($2)
         or coalesce(after, before) ->> 'subject_id' = any ($2))`,
    [organizationId, ids],
  );
}

/** Of other records only what names the person goes. */
async function eraseHistory(
  client: PoolClient,
  organizationId: string,
  [own, ...others]: Erased[],
): Promise<number> {
  const gone = `title = null, changes = null, salt = null`;
  const first = await client.query(
    `update sync.history set ${gone} where organization_id = $1 and entity = $2 and id = $3 and salt is not null`,
    [organizationId, own?.entity, own?.id],
  );
  const columns = Object.values(copies).flatMap((list) => list.map(({ column }) => column));
  const rest = await client.query(
    `update sync.history set ${gone} where organization_id = $1 and salt is not null
       and (entity, id) in (select * from unnest($2::text[], $3::uuid[])) and changes ?| $4::text[]`,
    [organizationId, others.map(({ entity }) => entity), others.map(({ id }) => id), columns],
  );
  return (first.rowCount ?? 0) + (rest.rowCount ?? 0);
}
