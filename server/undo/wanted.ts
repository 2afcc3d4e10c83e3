import { sql } from 'kysely';
import type { Tx } from '../live/transaction.ts';
import type { Logged, Table } from './logged.ts';

interface Wish {
  row: Logged;
  table: Table;
  /** The image that has the values, and which of them are wanted of it. */
  image: string;
  columns: string[];
}

/** What each record is to be like after all that was undone of it: of two wishes the later counts. */
export class Wanted {
  readonly #wishes = new Map<string, Wish[]>();

  add(row: Logged, table: Table, columns: string[]): void {
    const key = keyOf(row);
    const earlier = (this.#wishes.get(key) ?? []).map((wish) => ({
      ...wish,
      columns: wish.columns.filter((name) => !columns.includes(name)),
    }));
    this.#wishes.set(key, [...earlier, { row, table, image: row.beforeText ?? '{}', columns }]);
  }

  /** The record is gone, and nothing of it is wanted. */
  drop(row: Logged): void {
    this.#wishes.delete(keyOf(row));
  }

  get all(): Wish[] {
    return [...this.#wishes.values()].flat().filter(({ columns }) => columns.length > 0);
  }
}

const keyOf = ({ entity, id }: Logged): string => `${entity} ${id}`;

/** The wishes that have not come true, with the columns in question. */
export async function unfulfilled(tx: Tx, wishes: Wish[]): Promise<Wish[]> {
  const found: Wish[] = [];
  for (const [table, some] of Map.groupBy(wishes, (wish) => wish.table)) {
    const name = sql.raw(table.name);
    const { rows } = await sql<{ place: number; unlike: string[] }>`
      select place, unlike from unnest(${some.map(({ row }) => row.id)}::uuid[], ${some.map(({ image }) => image)}::text[],
        ${some.map(({ columns }) => columns.join())}::text[]) with ordinality as one (wanted_id, image, columns, place)
      join ${name} t on t.organization_id = sync.org() and t.id = one.wanted_id
      cross join lateral (select to_jsonb(t) as is_now, to_jsonb(jsonb_populate_record(null::${name}, one.image::jsonb)) as wanted) both_rows
      cross join lateral (select array(select name from unnest(string_to_array(one.columns, ',')) name
        where is_now -> name is distinct from wanted -> name) as unlike) compared
      where unlike <> '{}'`.execute(tx);
    for (const { place, unlike } of rows) {
      const wish = some[place - 1];
      if (wish) found.push({ ...wish, columns: unlike });
    }
  }
  return found;
}
