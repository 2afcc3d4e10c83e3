import type { PoolClient } from 'pg';
import type { Whom } from './erase.ts';
import { blankedIn, patternOf, wordsIn } from './words.ts';

/** A text of somebody else's in which a person is named. */
export interface Passage {
  /** What it is chosen by: `deals/<id>/description`. */
  place: string;
  entity: string;
  id: string;
  column: string;
  /** As it would be after the erasure. */
  text: string;
  /** Whether it is only in what the record once was. */
  isPast: boolean;
}

/** Texts that people write, by the record; what triggers copy of them is in `derived`. */
export const written: Record<string, readonly string[]> = {
  deals: ['title', 'description', 'source', 'lost_note', 'tags', 'custom'],
  customers: ['name', 'company', 'notes', 'tags', 'custom'],
  activities: ['title', 'body'],
  products: ['name', 'description'],
};

/** Copies that follow the texts by themselves, and are blanked in what is past where a text is. */
export const derived: Record<string, readonly string[]> = { deals: ['next_activity_title'] };

/** What a person is or was called: the words that are looked for. */
export async function wordsOf(
  client: PoolClient,
  organizationId: string,
  { entity, id }: Whom,
): Promise<string[]> {
  const { rows } = await client.query<{ word: string }>(
    `with image as (
       select to_jsonb(r) as row from crm.${entity} r where r.organization_id = $1 and r.id = $2
       union all select i from sync.change_log l, unnest(array[l.before, l.after]) i
         where l.organization_id = $1 and l.entity = $3 and l.id = $2)
     select distinct row ->> field as word from image, unnest(array['name', 'email', 'phone']) field
       where row ->> field <> ''
     union select distinct value #>> '{}' from sync.history h, unnest(array['name', 'email', 'phone']) field,
         jsonb_array_elements(h.changes -> field) value
       where h.organization_id = $1 and h.entity = $3 and h.id = $2 and jsonb_typeof(h.changes -> field) = 'array'
         and jsonb_typeof(value) = 'string' and value #>> '{}' <> ''
     union select distinct title from sync.history where organization_id = $1 and entity = $3 and id = $2 and title <> ''`,
    [organizationId, id, entity],
  );
  return rows.map(({ word }) => word).filter((word) => word !== 'Erased');
}

interface Found {
  entity: string;
  id: string;
  row: Record<string, unknown>;
  isPast: boolean;
}

/** Where the words stand in texts of other records, as they are and as they were. */
export async function findPassages(
  client: PoolClient,
  organizationId: string,
  { whom, words }: { whom: Whom; words: string[] },
): Promise<Passage[]> {
  if (words.length === 0) return [];
  const entities = Object.keys(written);
  const live = entities.map(
    (
      entity,
    ) => `select '${entity}' as entity, r.id, to_jsonb(r) as row, false as is_past from crm.${entity} r
      where r.organization_id = $1 and to_jsonb(r)::text collate "und-x-icu" ~* $2`,
  );
  const { rows } = await client.query<Omit<Found, 'isPast'> & { is_past: boolean }>(
    `${live.join(' union all ')}
     union all select l.entity, l.id, i, true from sync.change_log l, unnest(array[l.before, l.after]) i
       where l.organization_id = $1 and l.entity = any ($3) and i::text collate "und-x-icu" ~* $2
     union all select h.entity, h.id, h.changes, true from sync.history h
       where h.organization_id = $1 and h.entity = any ($3) and h.changes::text collate "und-x-icu" ~* $2
     order by is_past`,
    [organizationId, patternOf(words), entities],
  );
  const passages = new Map<string, Passage>();
  for (const { entity, id, row, is_past: isPast } of rows) {
    if (entity === whom.entity && id === whom.id) continue;
    for (const column of written[entity] ?? []) {
      const place = `${entity}/${id}/${column}`;
      if (passages.has(place) || !wordsIn(row[column], words)) continue;
      const text = textOf(blankedIn(row[column], words));
      passages.set(place, { place, entity, id, column, text, isPast });
    }
  }
  return [...passages.values()];
}

const around = 60;

/** The part of a text around what is blanked in it. */
function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const at = Math.max(0, text.indexOf('█') - around);
  const end = Math.min(text.length, text.lastIndexOf('█') + around);
  return `${at > 0 ? '…' : ''}${text.slice(at, end)}${end < text.length ? '…' : ''}`;
}
