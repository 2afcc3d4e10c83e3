import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import type { LoggedRow, LoggedTx } from './reader.ts';

/** Rows that are held in memory at once. */
const mostRows = 5_000;

/** The transactions after a position, up to `to`. */
export interface Next {
  to: number;
  /** Whether there were more rows than are taken at once. */
  isCut: boolean;
  transactions: LoggedTx[];
  /** A transaction that is too large to be read at once, which is all that comes next. */
  large: LoggedTx | undefined;
}

interface Stored extends Omit<LoggedRow, 'entity'> {
  pos: number;
  at: Date;
  actor: string | null;
  mutationId: string | null;
  runId: string | null;
  /** Null where the log has no rows any more. */
  entity: string | null;
}

/** Reads on, whole transactions; those whose rows the log has dropped are passed by. */
export async function readAfter(
  tx: Tx,
  { organizationId, after, most }: { organizationId: string; after: number; most: number },
): Promise<Next> {
  const { rows } = await sql<Stored>`
    select t.pos, t.at, t.actor, t.mutation_id, t.run_id,
      l.entity, l.id, l.op::text as op, l.rev, l.before, l.after
    from (select * from sync.change_tx c
          where c.organization_id = ${organizationId}::uuid and c.pos > ${after}::bigint
          order by c.pos limit ${most}) t
    left join sync.change_log l
      on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
    order by t.pos, l.ord limit ${mostRows + 1}`.execute(tx);
  const transactions = group(organizationId, rows);
  const isCut = rows.length > mostRows;
  const last = isCut ? transactions.pop() : undefined;
  const to = transactions.at(-1)?.position ?? last?.position ?? after;
  const large = transactions.length === 0 ? last : undefined;
  return {
    to,
    isCut,
    transactions: transactions.filter(({ rows: some }) => some.length > 0),
    large,
  };
}

/** What comes next in calls of `apply`. */
export async function* pagesOf(tx: Tx, { transactions, large }: Next): AsyncGenerator<LoggedTx[]> {
  if (transactions.length > 0) yield transactions;
  for (let after = 0; large;) {
    const rows = await readPage(tx, large, after);
    if (rows.length > 0) yield [{ ...large, rows }];
    if (rows.length < mostRows) return;
    after = rows.at(-1)?.rev ?? 0;
  }
}

async function readPage(
  tx: Tx,
  { organizationId, position }: LoggedTx,
  after: number,
): Promise<LoggedRow[]> {
  const { rows } = await sql<LoggedRow>`
    select l.entity, l.id, l.op::text as op, l.rev, l.before, l.after
    from sync.change_tx t join sync.change_log l
      on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
    where t.organization_id = ${organizationId}::uuid and t.pos = ${position}::bigint
      and l.ord > ${after}::bigint
    order by l.ord limit ${mostRows}`.execute(tx);
  return rows;
}

function group(organizationId: string, rows: Stored[]): LoggedTx[] {
  const transactions: LoggedTx[] = [];
  for (const { pos, at, actor, mutationId, runId, entity, ...row } of rows) {
    let last = transactions.at(-1);
    if (last?.position !== pos) {
      last = { organizationId, position: pos, at, actor, mutationId, runId, rows: [] };
      transactions.push(last);
    }
    if (entity !== null) last.rows.push({ entity, ...row });
  }
  return transactions;
}
