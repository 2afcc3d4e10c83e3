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

/** The same of acts whose time has run out: all of them up to a position. */
export const expiryText = (organizationId: string, toPos: number): string =>
  `syncline expiry 1 ${organizationId} ${toPos}`;

interface Told {
  kind: string;
  about: { records?: Erased[]; toPos?: number; signature: string };
}

/** The erasures that the history tells of, and that were signed. */
export async function readErasures(
  client: PoolClient,
  organizationId: string,
  key: AuditKey,
): Promise<Erasures> {
  const { rows } = await client.query<Told>(
    `select changes -> 'kind' ->> 1 as kind, changes -> 'about' -> 1 as about from sync.history
     where organization_id = $1 and entity = 'auditEvents' and op = 'I'
       and changes -> 'kind' ->> 1 in ('erased', 'actsExpired')`,
    [organizationId],
  );
  const upTo = new Map<string, number>();
  const raise = (name: string, toPos: number) =>
    upTo.set(name, Math.max(toPos, upTo.get(name) ?? 0));
  for (const { kind, about } of rows) {
    const signature = Buffer.from(about.signature, 'hex');
    const isSigned = (text: string) => key.verify(text, signature);
    const { records = [], toPos = 0 } = about;
    if (kind === 'actsExpired' && isSigned(expiryText(organizationId, toPos)))
      raise('auditEvents', toPos);
    if (kind === 'erased' && isSigned(erasureText(organizationId, records)))
      for (const one of records) raise(`${one.entity}/${one.id}`, one.toPos);
  }
  return {
    names: ({ entity, id, pos }) =>
      [entity, `${entity}/${id}`].some((name) => pos <= (upTo.get(name) ?? 0)),
  };
}
