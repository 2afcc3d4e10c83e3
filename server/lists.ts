import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { z } from 'zod/mini';
import { searchWords } from '#lib/shared/deal-filter.ts';
import { badInput } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { otherLayout } from '#lib/shared/keyboard-layout.ts';
import { seenSql, type Member } from './access.ts';
import type { Tx } from './live/transaction.ts';
import type { RecordOf, RecordTable } from './records.ts';

/** A page of records, with a cursor for walking on without skipping or repeating any. */
export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  perPage: number;
  nextCursor: string | null;
}

const paging = {
  page: z._default(z.int().check(z.minimum(1), z.maximum(1_000_000)), 1),
  perPage: z._default(z.int().check(z.minimum(1), z.maximum(100)), 25),
  cursor: z.optional(field.text(4_000)),
  /** Columns, comma separated, each with a minus for descending. */
  ordering: z.optional(field.text(200)),
};

/** The input of a list: paging, ordering, and filters by the equality of columns. */
export const listInput = <Filters extends Record<string, z.ZodMiniType>>(filters: Filters) =>
  z.strictObject({ ...z.partial(z.strictObject(filters)).shape, ...paging });

/** The same with a search. */
export const searchInput = <Filters extends Record<string, z.ZodMiniType>>(filters: Filters) =>
  z.strictObject({ ...listInput(filters).shape, search: z.optional(field.text(200)) });

interface ListInput {
  page: number;
  perPage: number;
  cursor?: string | undefined;
  ordering?: string | undefined;
  search?: string | undefined;
}

interface Plan<T extends RecordTable> {
  table: T;
  member: Member;
  /** Columns that an ordering may name; the first is the ordering of a list that names none. */
  orderings: readonly [string, ...string[]];
  searched?: readonly string[];
  where?: RawBuilder<SqlBool>[];
}

/** The records of a table that the member may see and that fit the filters. */
export async function listRecords<T extends RecordTable>(
  tx: Tx,
  { table, member, orderings, searched = [], where = [] }: Plan<T>,
  { page, perPage, cursor, ordering, search, ...filters }: ListInput,
): Promise<Page<RecordOf<T>>> {
  const tests = [
    sql<SqlBool>`organization_id = ${member.organizationId}::uuid`,
    seenSql(member, table),
    ...Object.entries(filters).flatMap(([column, value]) => equals(column, value)),
    ...(search ? [found(searched, search)] : []),
    ...where,
  ];
  const terms = readOrdering(ordering ?? orderings[0], orderings);
  const after = cursor === undefined ? [] : [isAfter(terms, readCursor(cursor, terms))];
  const count = await sql<{ total: number }>`
    select count(*) as total from ${sql.table(table)} where ${all(tests)}`.execute(tx);
  const { rows } = await sql<RecordOf<T> & { placeInList: (string | null)[] }>`
    select *, array[${sql.join(terms.map(({ column }) => sql`${sql.ref(column)}::text`))}] as place_in_list
    from ${sql.table(table)} where ${all([...tests, ...after])}
    order by ${sql.join(terms.map(inOrder))}
    limit ${perPage + 1} offset ${cursor === undefined ? (page - 1) * perPage : 0}`.execute(tx);
  const shown = rows.slice(0, perPage);
  const last = rows.length > perPage ? shown.at(-1) : undefined;
  return {
    items: shown.map(({ placeInList: _, ...record }) => record as unknown as RecordOf<T>),
    total: count.rows[0]?.total ?? 0,
    page,
    perPage,
    nextCursor: last ? writeCursor(terms, last.placeInList) : null,
  };
}

interface Term {
  column: string;
  isDescending: boolean;
}

function readOrdering(ordering: string, allowed: readonly string[]): Term[] {
  const terms = ordering.split(',').flatMap((part): Term[] => {
    const isDescending = part.trim().startsWith('-');
    const column = part
      .trim()
      .replace(/^-/, '')
      .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const known = allowed.find((name) => name.replace(/^-/, '') === column);
    if (!known)
      throw badInput('ordering', 'unknownOrdering', {
        name: part.trim().replace(/^-/, '').slice(0, 50),
      });
    return [{ column, isDescending }];
  });
  return [...terms, { column: 'id', isDescending: terms[0]?.isDescending ?? false }];
}

const inOrder = ({ column, isDescending }: Term) =>
  sql`${sql.ref(column)} ${isDescending ? sql`desc` : sql`asc`} nulls last`;

/** Blank values come last, whichever way the order goes. */
function isAfter(terms: Term[], place: (string | null)[]): RawBuilder<SqlBool> {
  const branches = terms.map(({ column, isDescending }, at) => {
    const value = place[at] ?? null;
    const same = terms
      .slice(0, at)
      .map(
        (term, index) =>
          sql<SqlBool>`${sql.ref(term.column)}::text is not distinct from ${place[index] ?? null}::text`,
      );
    const beyond =
      value === null
        ? sql<SqlBool>`false`
        : isDescending
          ? sql<SqlBool>`(${sql.ref(column)} < ${value} or ${sql.ref(column)} is null)`
          : sql<SqlBool>`(${sql.ref(column)} > ${value} or ${sql.ref(column)} is null)`;
    return all([...same, beyond]);
  });
  return sql<SqlBool>`(${sql.join(branches, sql` or `)})`;
}

const cursorShape = z.tuple([z.string(), z.array(z.nullable(field.text(2_000)))]);
const orderOf = (terms: Term[]): string =>
  terms.map(({ column, isDescending }) => (isDescending ? `-${column}` : column)).join(',');

function writeCursor(terms: Term[], place: (string | null)[]): string {
  return Buffer.from(JSON.stringify([orderOf(terms), place])).toString('base64url');
}

/** A cursor goes with the ordering that it was made for. */
function readCursor(cursor: string, terms: Term[]): (string | null)[] {
  try {
    const [order, place] = cursorShape.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString()),
    );
    if (order === orderOf(terms) && place.length === terms.length) return place;
  } catch {
    // Whatever it was, it is no cursor of ours.
  }
  throw badInput('cursor', 'unknownCursor');
}

function equals(column: string, value: unknown): RawBuilder<SqlBool>[] {
  if (value === undefined) return [];
  if (value === null) return [sql<SqlBool>`${sql.ref(column)} is null`];
  return [sql<SqlBool>`${sql.ref(column)} = ${value}`];
}

/** Every word, somewhere in the columns; or every word as another keyboard layout would have typed it. */
function found(columns: readonly string[], search: string): RawBuilder<SqlBool> {
  const text = sql`crm.plain_text(concat_ws(' ', ${sql.join(columns.map((column) => sql.ref(column)))}))`;
  const typings = new Set([search, otherLayout(search)]);
  const tries = [...typings].map((typed) =>
    all(searchWords(typed).map((word) => sql<SqlBool>`strpos(${text}, ${word}) > 0`)),
  );
  return sql<SqlBool>`(${sql.join(tries, sql` or `)})`;
}

const all = (tests: RawBuilder<SqlBool>[]): RawBuilder<SqlBool> =>
  tests.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`(${sql.join(tests, sql` and `)})`;
