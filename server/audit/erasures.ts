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
  names(row: Pick<SealedRow, 'entity' | 'id' | 'pos' | 'at'>): boolean;
}

/** What is signed of an erasure, so that only who has the key can make one. */
export const erasureText = (organizationId: string, records: Erased[]): string =>
  `syncline erasure 1 ${organizationId} ${records.map(({ entity, id, toPos }) => `${entity}/${id}/${toPos}`).join(' ')}`;

/**
 * The same of acts whose time has run out: all from before a moment by the clock of who signs, in UTC. That is
 * the time that is sealed, so that nobody makes acts old for the while in which they are let go.
 */
export const expiryText = (organizationId: string, before: string): string =>
  `syncline expiry 1 ${organizationId} ${before}`;

interface Told {
  kind: string;
  about: { records?: Erased[]; before?: string; signature?: string } | null;
}

/** The erasures that were signed: of those that the history tells of, and of those it has still to take in. */
export async function readErasures(
  client: PoolClient,
  organizationId: string,
  key: AuditKey,
): Promise<Erasures> {
  const { rows } = await client.query<Told>(
    `select changes -> 'kind' ->> 1 as kind, changes -> 'about' -> 1 as about from sync.history
     where organization_id = $1 and entity = 'auditEvents' and op = 'I'
       and changes -> 'kind' ->> 1 in ('erased', 'actsExpired')
     union all
     select kind, about from sync.audit_events e
     where organization_id = $1 and kind in ('erased', 'actsExpired') and not exists (
       select from sync.history h where h.organization_id = e.organization_id
         and h.entity = 'auditEvents' and h.id = e.id)`,
    [organizationId],
  );
  const upTo = new Map<string, number>();
  let expired = '';
  for (const { kind, about } of rows) {
    const { records = [], before = '', signature = '' } = about ?? {};
    const isSigned = (text: string) => key.verify(text, Buffer.from(signature, 'hex'));
    if (kind === 'actsExpired' && before > expired && isSigned(expiryText(organizationId, before)))
      expired = before;
    if (kind === 'erased' && isSigned(erasureText(organizationId, records)))
      for (const { entity, id, toPos } of records)
        upTo.set(`${entity}/${id}`, Math.max(toPos, upTo.get(`${entity}/${id}`) ?? 0));
  }
  return {
    names: ({ entity, id, pos, at }) =>
      pos <= (upTo.get(`${entity}/${id}`) ?? 0) || (entity === 'auditEvents' && at < expired),
  };
}
