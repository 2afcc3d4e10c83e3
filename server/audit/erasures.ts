import type { PoolClient } from 'pg';
import type { SealedRow } from './chain.ts';
import type { AuditKey } from './key.ts';

/** A record whose values were erased, up to a position of its history. */
export interface Erased {
  entity: string;
  id: string;
  toPos: number;
}

export interface Erasures {
  names(row: Pick<SealedRow, 'entity' | 'id' | 'pos'>): boolean;
}

/** What is signed of an erasure, so that only who has the key can make one. */
export const erasureText = (organizationId: string, records: Erased[]): string =>
  `syncline erasure 1 ${organizationId} ${records.map(({ entity, id, toPos }) => `${entity}/${id}/${toPos}`).join(' ')}`;

/** The erasures that the history tells of, and that were signed. */
export async function readErasures(
  client: PoolClient,
  organizationId: string,
  key: AuditKey,
): Promise<Erasures> {
  const { rows } = await client.query<{ about: { records: Erased[]; signature: string } }>(
    `select changes -> 'about' -> 1 as about from sync.history
     where organization_id = $1 and entity = 'auditEvents' and op = 'I'
       and changes -> 'kind' ->> 1 = 'erased'`,
    [organizationId],
  );
  const upTo = new Map<string, number>();
  for (const { about } of rows) {
    const signature = Buffer.from(about.signature, 'hex');
    if (!key.verify(erasureText(organizationId, about.records), signature)) continue;
    for (const { entity, id, toPos } of about.records) {
      const name = `${entity}/${id}`;
      upTo.set(name, Math.max(toPos, upTo.get(name) ?? 0));
    }
  }
  return { names: ({ entity, id, pos }) => pos <= (upTo.get(`${entity}/${id}`) ?? 0) };
}
