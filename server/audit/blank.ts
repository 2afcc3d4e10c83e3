import type { PoolClient } from 'pg';
import { derived, type Passage } from './passages.ts';
import { blankedIn, patternOf, wordsIn } from './words.ts';

type Image = Record<string, unknown> | null;

/** Texts of one record that are blanked. */
interface Texts {
  entity: string;
  id: string;
  columns: string[];
  words: string[];
}

/** What of an image changes when the words go out of some columns of it. */
function patchOf(image: Image, { columns, words }: Texts): Record<string, unknown> {
  const found = columns.filter((column) => wordsIn(image?.[column], words));
  return Object.fromEntries(found.map((column) => [column, blankedIn(image?.[column], words)]));
}

/**
 * Takes a person's words out of chosen texts: in the records by a change that everybody sees, then in the
 * images, the answers and the notifications. Rows of the history that have them lose their values as the
 * person's own do; answers which records those are of.
 */
export async function blankPassages(
  client: PoolClient,
  organizationId: string,
  { chosen, words }: { chosen: Passage[]; words: string[] },
): Promise<{ records: { entity: string; id: string }[]; historyRows: number }> {
  const records: Texts[] = [];
  for (const passages of Map.groupBy(chosen, ({ entity, id }) => `${entity} ${id}`).values()) {
    const [{ entity, id } = { entity: '', id: '' }] = passages;
    records.push({ entity, id, columns: passages.map(({ column }) => column), words });
  }
  for (const texts of records) await blankRecord(client, organizationId, texts);
  const all = [...records, ...(await copiesOf(client, organizationId, { records, words }))];
  let historyRows = 0;
  for (const texts of all) {
    await blankImages(client, organizationId, texts);
    historyRows += await blankHistory(client, organizationId, texts);
  }
  await blankTold(client, organizationId, { records: all, words });
  return { records: all.map(({ entity, id }) => ({ entity, id })), historyRows };
}

async function blankRecord(
  client: PoolClient,
  organizationId: string,
  texts: Texts,
): Promise<void> {
  const { entity, id } = texts;
  const { rows } = await client.query<{ row: Image }>(
    `select to_jsonb(r) as row from crm.${entity} r where organization_id = $1 and id = $2 for update`,
    [organizationId, id],
  );
  const patch = patchOf(rows[0]?.row ?? null, texts);
  for (const column of Object.keys(patch))
    await client.query(
      `update crm.${entity} r set ${column} = p.${column}
       from jsonb_populate_record(null::crm.${entity}, $3::jsonb) p
       where r.organization_id = $1 and r.id = $2`,
      [organizationId, id, JSON.stringify(patch)],
    );
}

/** Records whose images have a copy of a text that triggers made. */
async function copiesOf(
  client: PoolClient,
  organizationId: string,
  { records, words }: { records: Texts[]; words: string[] },
): Promise<Texts[]> {
  if (!records.some(({ entity }) => entity === 'activities')) return [];
  const found: Texts[] = [];
  for (const [entity, columns] of Object.entries(derived)) {
    const { rows } = await client.query<{ id: string }>(
      `select distinct l.id from sync.change_log l, unnest(array[l.before, l.after]) i, unnest($4::text[]) field
       where l.organization_id = $1 and l.entity = $2 and i ->> field collate "und-x-icu" ~* $3
       union select h.id from sync.history h, unnest($4::text[]) field
       where h.organization_id = $1 and h.entity = $2 and (h.changes -> field)::text collate "und-x-icu" ~* $3`,
      [organizationId, entity, patternOf(words), columns],
    );
    found.push(...rows.map(({ id }) => ({ entity, id, columns: [...columns], words })));
  }
  return found;
}

async function blankImages(
  client: PoolClient,
  organizationId: string,
  texts: Texts,
): Promise<void> {
  const { rows } = await client.query<{ place: string; before: Image; after: Image }>(
    `select concat_ws(' ', tableoid, ctid) as place, before, after from sync.change_log
     where organization_id = $1 and entity = $2 and id = $3`,
    [organizationId, texts.entity, texts.id],
  );
  for (const { place, before, after } of rows) {
    const patches = [before, after].map((image) => patchOf(image, texts));
    if (patches.every((patch) => Object.keys(patch).length === 0)) continue;
    // Only what changes goes through JavaScript, in which exact numbers do not survive.
    await client.query(
      `update sync.change_log set before = before || $3::jsonb, after = after || $4::jsonb
       where organization_id = $1 and concat_ws(' ', tableoid, ctid) = $2 and entity = $5 and id = $6`,
      [
        organizationId,
        place,
        ...patches.map((patch) => JSON.stringify(patch)),
        texts.entity,
        texts.id,
      ],
    );
  }
}

async function blankHistory(
  client: PoolClient,
  organizationId: string,
  texts: Texts,
): Promise<number> {
  const { entity, id, columns, words } = texts;
  const { rows } = await client.query<{
    pos: string;
    ord: string;
    title: string | null;
    changes: Image;
  }>(
    `select pos::text, ord::text, title, changes from sync.history
     where organization_id = $1 and entity = $2 and id = $3 and salt is not null`,
    [organizationId, entity, id],
  );
  const isNamed = columns.some((column) => column === 'title' || column === 'name');
  const gone = rows.filter(
    ({ title, changes }) =>
      (isNamed && wordsIn(title, words)) || Object.keys(patchOf(changes, texts)).length > 0,
  );
  const { rowCount } = await client.query(
    `update sync.history set title = null, changes = null, salt = null
     where organization_id = $1 and (pos, ord) in (select * from unnest($2::bigint[], $3::bigint[]))`,
    [organizationId, gone.map(({ pos }) => pos), gone.map(({ ord }) => ord)],
  );
  if (isNamed)
    await client.query(
      `update sync.subjects set title = null where organization_id = $1 and entity = $2 and id = $3
         and title collate "und-x-icu" ~* $4`,
      [organizationId, entity, id, patternOf(words)],
    );
  return rowCount ?? 0;
}

/** What was answered and told of the records in the person's words goes. */
async function blankTold(
  client: PoolClient,
  organizationId: string,
  { records, words }: { records: Texts[]; words: string[] },
): Promise<void> {
  if (records.length === 0) return;
  const asked = [organizationId, records.map(({ id }) => id), patternOf(words)];
  await client.query(
    `update sync.mutations set answer = '{"erased": true}'
     where organization_id = $1 and answer::text collate "und-x-icu" ~* $3
       and exists (select from unnest($2::text[]) id where answer::text like '%' || id || '%')`,
    asked,
  );
  await client.query(
    `delete from crm.notifications where organization_id = $1
       and (record_id = any ($2::uuid[]) or subject_id = any ($2::uuid[]))
       and concat_ws(' ', title, data) collate "und-x-icu" ~* $3`,
    asked,
  );
  await client.query(
    `update sync.change_log set before = before - '{title,data}'::text[], after = after - '{title,data}'::text[]
     where organization_id = $1 and entity = 'notifications'
       and (coalesce(after, before) ->> 'record_id' = any ($2) or coalesce(after, before) ->> 'subject_id' = any ($2))
       and concat_ws(' ', before, after) collate "und-x-icu" ~* $3`,
    asked,
  );
}
