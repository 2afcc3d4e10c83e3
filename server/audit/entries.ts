import type { HistoryAsked, HistoryRow } from '../history.ts';
import type { Tx } from '../live/transaction.ts';
import { camel } from '../undo/answer.ts';
import { isId } from '../timeline/entries.ts';

export type AuditAsked = HistoryAsked;

export interface AuditEntry {
  place: string;
  at: Date;
  /** Null where somebody past the application did it, in psql for instance. */
  actor: { memberId: string | null; name: string } | null;
  /** What became of a record, or the kind of an act. */
  action: string;
  entity: string;
  id: string;
  title: string | null;
  currency: string | null;
  changes: { field: string; from: unknown; to: unknown }[];
  /** Whether its values were erased on request. */
  isErased: boolean;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  runId: string | null;
}

const actions = { I: 'created', U: 'changed', D: 'deleted' } as const;

/** Rows of the history as an administrator reads them. */
export async function auditEntries(tx: Tx, rows: HistoryRow[]): Promise<AuditEntry[]> {
  const ids = rows.flatMap(({ actor }) => (actor && isId(actor) ? [actor] : []));
  const members = await tx
    .selectFrom('members')
    .select(['id', 'name'])
    .where('id', 'in', ids.length > 0 ? ids : [noId])
    .execute();
  const names = new Map(members.map(({ id, name }) => [id, name]));
  return rows.map((row) => entryOf(row, names));
}

const noId = '00000000-0000-0000-0000-000000000000';

function entryOf(
  { pos, ord, at, entity, id, op, actor, runId, title, currency, changes }: HistoryRow,
  names: Map<string, string>,
): AuditEntry {
  const isAct = entity === 'auditEvents';
  const told = (column: string): string | null => {
    const value = changes?.[column]?.[1];
    return isAct && typeof value === 'string' ? value : null;
  };
  const fields = Object.entries(changes ?? {}).map(([column, [from, to]]) => {
    return { field: camel(column), from, to };
  });
  return {
    place: `${pos}.${ord}`,
    at,
    actor:
      actor === null
        ? null
        : { memberId: names.has(actor) ? actor : null, name: names.get(actor) ?? actor },
    action: isAct && changes === null ? 'expired' : ((isAct ? told('kind') : null) ?? actions[op]),
    entity,
    id,
    title: isAct ? null : title,
    currency,
    changes: isAct ? fields.filter(({ field }) => field === 'about') : fields,
    isErased: changes === null && !isAct,
    ip: told('ip'),
    userAgent: told('user_agent'),
    requestId: told('request_id'),
    runId,
  };
}
