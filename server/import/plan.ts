import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import type { Refusal, Row } from './rows.ts';

export type WrittenTable =
  | 'pipelines'
  | 'stages'
  | 'teams'
  | 'members'
  | 'customers'
  | 'products'
  | 'deals'
  | 'dealProducts';

/** Columns in camelCase; an update names only what changes. */
export interface Write {
  table: WrittenTable;
  id: string;
  isNew: boolean;
  values: Record<string, unknown>;
}

export type Outcome = 'created' | 'updated' | 'skipped';

export interface PlannedRow {
  row: Row;
  outcome: Outcome;
  writes: Write[];
}

/** What a batch of rows will do. `setup` is written first: stages, teams, what rows refer to. */
export interface Plan {
  setup: Write[];
  rows: PlannedRow[];
  refused: Refusal[];
}

export interface Target {
  /** Reads and decides; writes nothing. */
  plan(tx: Tx, rows: Row[]): Promise<Plan>;
}

/** What every target knows of the import. */
export interface ImportContext {
  organizationId: string;
  currency: string;
  /** Whether the file or the person says so, and not only the organization. */
  isCurrencyNamed: boolean;
  /** Put before external ids, so that those of several systems do not meet. */
  source: string | undefined;
  createMissing: boolean;
  /** The header of the column that fills a field. */
  headerOf(field: string): string;
}

export type Held = Record<string, unknown> & { id: string; externalId: string | null };

export function refusal(row: Row, column: string, reason: string): Refusal {
  return { line: row.line, column, reason, cells: row.cells };
}

export const externalIdOf = ({ source }: ImportContext, id: string): string =>
  source ? `${source}:${id}` : id;

/** The records that a batch may be about, by external id and by id. */
export async function findRecords(
  tx: Tx,
  { organizationId }: ImportContext,
  { table, externalIds, ids }: { table: WrittenTable; externalIds: string[]; ids: string[] },
): Promise<{ byExternalId: Map<string, Held>; byId: Map<string, Held> }> {
  const wanted =
    ids.length > 0
      ? sql`(external_id = any(${externalIds}::text[]) or id = any(${ids}::uuid[]))`
      : sql`external_id = any(${externalIds}::text[])`;
  const { rows } = await sql<Held>`
    select * from ${sql.table(table)}
    where organization_id = ${organizationId}::uuid and ${wanted}`.execute(tx);
  return {
    byExternalId: new Map(
      rows.flatMap((row) => (row.externalId === null ? [] : [[row.externalId, row]])),
    ),
    byId: new Map(rows.map((row) => [row.id, row])),
  };
}

/** What of `wanted` differs from the record. A blank leaves what is there. */
export function changesOf(record: Held, wanted: Record<string, unknown>): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(wanted)) {
    if (value === null || value === undefined) continue;
    if (name === 'custom') {
      const held = (record['custom'] ?? {}) as Record<string, unknown>;
      const fresh = Object.entries(value).filter(([key, one]) => one !== null && held[key] !== one);
      if (fresh.length > 0) changes[name] = Object.fromEntries(fresh);
    } else if (!isSame(record[name], value)) changes[name] = value;
  }
  return changes;
}

function isSame(held: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return JSON.stringify(held) === JSON.stringify(wanted);
  if (
    typeof held === 'string' &&
    typeof wanted === 'string' &&
    decimal.test(held) &&
    decimal.test(wanted)
  ) {
    return plainDecimal(held) === plainDecimal(wanted);
  }
  return held === wanted;
}

const decimal = /^\d+\.\d+$|^\d+$/;
const plainDecimal = (text: string): string =>
  text.includes('.') ? text.replace(/\.?0+$/, '') : text;

/** Custom values of a new record: what is blank stays out. */
export const customOf = ({ custom }: Row): Record<string, unknown> =>
  Object.fromEntries(Object.entries(custom).filter(([, value]) => value !== null));
