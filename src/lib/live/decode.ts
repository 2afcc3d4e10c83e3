import { entityNames, kindsOf, type AnyRow, type EntityName } from '#lib/shared/entities.ts';
import { unpackId } from '#lib/shared/ids.ts';
import type { Op, Welcome } from '#lib/shared/wire.ts';
import type { Arrival } from './store.svelte.ts';

/**
 * Reads what the server sends, by the column numbers of its welcome. A column or an entity that this
 * version does not know is left out: an older page goes on beside a newer server.
 */
export class Decoder {
  readonly #entities: {
    name: EntityName;
    columns: { name: string; isId: boolean; isKnown: boolean }[];
  }[];

  constructor({ columns }: Pick<Welcome, 'columns'>) {
    this.#entities = Object.entries(columns).map(([name, list]) => {
      const kinds = entityNames.includes(name as EntityName) ? kindsOf(name as EntityName) : {};
      return {
        name: name as EntityName,
        columns: list.map((column) => ({
          name: column,
          isId: kinds[column]?.startsWith('id') ?? false,
          isKnown: column in kinds,
        })),
      };
    });
  }

  op([number, packed, rev, kind, content]: Op): Arrival | undefined {
    const entity = this.#entities[number];
    if (!entity || !entityNames.includes(entity.name)) return undefined;
    const arrival = { entity: entity.name, id: unpackId(packed), rev };
    if (kind === undefined || content === undefined) return arrival;
    const fields: Record<string, unknown> = {};
    const set = (at: number, value: unknown): void => {
      const column = entity.columns[at];
      if (column?.isKnown)
        fields[column.name] = column.isId && typeof value === 'string' ? unpackId(value) : value;
    };
    if (kind === 1) {
      content.forEach((value, at) => set(at, value));
      return { ...arrival, row: fields as AnyRow };
    }
    for (let at = 0; at < content.length; at += 2) set(Number(content[at]), content[at + 1]);
    return { ...arrival, fields };
  }

  /** The rows of a topic: UTF-8 JSON `[[id, rev, …values], …]`, ids in full. */
  rows(
    entity: EntityName,
    body: ArrayBuffer | Uint8Array,
  ): Map<string, { rev: number; row: AnyRow }> {
    const columns = this.#entities.find(({ name }) => name === entity)?.columns ?? [];
    const list = JSON.parse(new TextDecoder().decode(body)) as [string, number, ...unknown[]][];
    const rows = new Map<string, { rev: number; row: AnyRow }>();
    for (const values of list) {
      const row: Record<string, unknown> = {};
      columns.forEach(({ name, isKnown }, at) => {
        if (isKnown) row[name] = values[at + 2];
      });
      rows.set(values[0], { rev: values[1], row: row as AnyRow });
    }
    return rows;
  }
}
