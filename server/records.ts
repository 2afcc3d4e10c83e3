import { sql, type Selectable } from 'kysely';
import type { DB } from '#db/types.ts';
import type { EntityName } from '#lib/shared/entities.ts';
import { AppError, badInput, notFound } from '#lib/shared/errors.ts';
import { covers } from '#lib/shared/standing.ts';
import { seenSql, type Member, type Permission } from './access.ts';
import type { Tx } from './live/transaction.ts';

export type RecordTable = EntityName & keyof DB;
export type RecordOf<T extends RecordTable> = Selectable<DB[T]>;

interface Asked {
  member: Member;
  id: string;
}

/** A record that the member may see; what one may not see does not exist. */
export async function visibleRecord<T extends RecordTable>(
  tx: Tx,
  table: T,
  { member, id }: Asked,
  lock = sql``,
): Promise<RecordOf<T>> {
  const { rows } = await sql<RecordOf<T>>`
    select * from ${sql.table(table)}
    where organization_id = ${member.organizationId}::uuid and id = ${id}::uuid
      and ${seenSql(member, table)} ${lock}`.execute(tx);
  const [row] = rows;
  if (!row) throw notFound();
  return row;
}

/** The same, locked, where the permission covers it; FORBIDDEN for what one only sees. */
export async function changeableRecord<T extends RecordTable>(
  tx: Tx,
  table: T,
  { permission, ...asked }: Asked & { permission: Permission },
  lock = sql`for no key update`,
): Promise<RecordOf<T>> {
  const row = await visibleRecord(tx, table, asked, lock);
  requireCover(asked.member, permission, row);
  return row;
}

/** A record that is to be deleted: nothing can come to point at it any more. */
export const deletableRecord = <T extends RecordTable>(
  tx: Tx,
  table: T,
  asked: Asked & { permission: Permission },
): Promise<RecordOf<T>> => changeableRecord(tx, table, asked, sql`for update`);

export function requireCover(member: Member, permission: Permission, row: object): void {
  if (!('ownerId' in row) || !('teamId' in row)) return;
  const { ownerId, teamId } = row as { ownerId: string | null; teamId: string | null };
  if (!covers(member, permission, { ownerId, teamId })) {
    throw new AppError('FORBIDDEN', { reason: 'notYours' });
  }
}

/** What an input points at must be there for the member to see; the field is named when it is not. */
export async function requireSeen(
  tx: Tx,
  member: Member,
  fields: { table: RecordTable; field: string; id: string | null | undefined }[],
): Promise<void> {
  for (const { table, field, id } of fields) {
    if (!id) continue;
    const { rows } = await sql`
      select from ${sql.table(table)}
      where organization_id = ${member.organizationId}::uuid and id = ${id}::uuid
        and ${seenSql(member, table)}`.execute(tx);
    if (rows.length === 0) throw badInput(field, 'notFound');
  }
}
