import { z } from 'zod/mini';
import type { AnyRow, Deal } from '#lib/shared/entities.ts';
import { unpackId } from '#lib/shared/ids.ts';
import { comparePlaces, listKey, type ListShape } from '#lib/shared/listings.ts';
import type { Frame } from '#lib/shared/wire.ts';
import type { LoadedList } from '#server/live/listing.ts';
import type { Rows, Standing } from '#tests/oracle/loops.ts';
import type { Build } from './builds.ts';
import { seesHere, shownBy } from './rows.ts';

/** Open deals by their titles, or by the names of their stages, which are rows of another entity. */
export interface ListParams {
  sort: 'title' | 'stage';
  descending: boolean;
}

export const dealList = {
  name: 'dealList',
  entity: 'deals',
  params: z.strictObject({ sort: z.enum(['title', 'stage']), descending: z.boolean() }),
};

export const keyOfList = (params: ListParams): string => listKey(dealList.name, { ...params });

/** What a list is by the rows that there are, for somebody who sees some of them. */
export function listOf(
  rows: Rows,
  standing: Standing | undefined,
  build: Build,
  { sort, descending: isDescending }: ListParams,
): LoadedList {
  const names = new Map(rows.all('stages').map(({ id, name }) => [id, String(name)]));
  const shape: ListShape = {
    fits: (row) => (row as Deal).state === 'open',
    keyOf: (row) =>
      sort === 'title' ? (row as Deal).title : (names.get((row as Deal).stageId) ?? null),
    isDescending,
  };
  const places = rows
    .all('deals')
    .filter((row) => standing && seesHere(rows, standing, 'deals', row))
    .map((row) => shownBy(build, 'deals', row) as AnyRow)
    .filter(shape.fits)
    .map((row) => ({ id: row.id, key: shape.keyOf(row) }))
    .sort((a, b) => comparePlaces(a, b, isDescending));
  return {
    ids: places.map(({ id }) => id),
    keys: places.map(({ key }) => key),
    shape,
    ...(sort === 'stage' && { madeFrom: 'stages' }),
  };
}

/** Which places of a browser's lists the server has told it of, by what was said on one connection. */
export class ToldLists {
  readonly #told = new Map<string, boolean[]>();
  #position: number | undefined;

  take(event: string, args: unknown[]): void {
    if (event === 'start') {
      this.#told.clear();
      this.#position = (args[0] as { position: number }).position;
    }
    if (event === 'list') this.#begin(String(args[0]), Number(args[1]));
    if (event === 'ids') this.#takeIds(String(args[0]), Number(args[1]), String(args[2]));
    if (event === 'f') this.#takeFrame(args[0] as Frame);
  }

  /** Undefined for a list that has not begun here. */
  of(key: string): boolean[] | undefined {
    return this.#told.get(key);
  }

  #begin(key: string, total: number): void {
    this.#told.set(
      key,
      Array.from({ length: total }, () => false),
    );
  }

  #takeIds(key: string, from: number, packed: string): void {
    const told = this.#told.get(key);
    const ids = packed.match(/.{22}/g)?.map(unpackId) ?? [];
    ids.forEach((_, at) => told?.splice(from + at, 1, true));
  }

  /** A frame that comes twice is taken once. */
  #takeFrame([from, to, , , lists = []]: Frame): void {
    if (from !== this.#position) return;
    this.#position = to;
    for (const [key, total, splices] of lists) {
      const told = this.#told.get(key);
      if (!told) continue;
      if (!splices) this.#begin(key, total);
      for (const [at, out, id] of splices ?? []) told.splice(at, out, ...(id ? [true] : []));
    }
  }
}
