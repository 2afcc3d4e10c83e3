import type { Tx } from '../live/transaction.ts';

/**
 * A row as the log has it: images with the database's snake_case names. `before` of an update holds the
 * changed columns only, and of a deletion the whole row; `after` is the whole row.
 */
export interface LoggedRow {
  entity: string;
  id: string;
  op: 'I' | 'U' | 'D';
  rev: number;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface LoggedTx {
  organizationId: string;
  position: number;
  at: Date;
  actor: string | null;
  mutationId: string | null;
  runId: string | null;
  rows: LoggedRow[];
}

/** Something that follows the change log with a cursor of its own in each organization. */
export interface Reader {
  name: string;
  /** Whether a new reader begins with what is in the log already. */
  from: 'start' | 'now';
  /**
   * How long it rests in an organization after it has read all of it, in milliseconds: what happens in
   * that time is taken in at once, which under load costs a part of what small steps do.
   */
  rest?: number;
  /**
   * Takes in consecutive transactions of one organization, in the database transaction in which the cursor
   * moves: role syncline_app, actor `reader:<name>`. So what it writes is written exactly once, over crashes
   * and on several nodes; it must touch nothing but `tx`, and not hang: a letter is a row that somebody else
   * sends. What it writes to tracked tables it meets again. A transaction of very many rows comes in
   * several parts, in calls one after another.
   */
  apply(tx: Tx, changes: LoggedTx[]): Promise<void>;
}

export const actorOf = ({ name }: Pick<Reader, 'name'>): string => `reader:${name}`;
