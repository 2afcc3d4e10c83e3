import { sql } from 'kysely';
import type { Reader } from '#server/readers/reader.ts';

/** A table in which a reader notes each row that it is given: nothing keeps it from noting one twice. */
export const seenTable = `create table crm.seen (organization_id uuid not null, reader text not null,
    pos bigint not null, ord bigint not null, entity text not null, actor text);
  select sync.fence('crm.seen')`;

/** Notes what it is given, in the transaction that it is given. */
export const noting = (
  name: string,
  { from = 'start', refuse }: { from?: Reader['from']; refuse?: (pos: number) => void } = {},
): Reader => ({
  name,
  from,
  async apply(tx, changes) {
    for (const { position } of changes) refuse?.(position);
    const rows = changes.flatMap(({ organizationId, position, actor, rows: changed }) =>
      changed.map(({ entity, rev }) => ({ organizationId, position, actor, entity, rev })),
    );
    await sql`insert into crm.seen select x."organizationId", ${name}, x.position, x.rev, x.entity, x.actor
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as x ("organizationId" uuid, position bigint, rev bigint, entity text, actor text)`.execute(
      tx,
    );
  },
});
