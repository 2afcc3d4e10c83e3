import { sql } from 'kysely';
import { entities, type EntityName } from '#lib/shared/entities.ts';
import { isPersonal, rowKeys } from '../access.ts';
import type { Tx } from '../live/transaction.ts';
import type { LoggedRow, LoggedTx, Reader } from './reader.ts';

type Image = Record<string, unknown>;

/** Columns that name a record; the first that has a text. */
export const namingColumns = ['title', 'name', 'email', 'currency', 'kind'] as const;

/** What tells an act of the audit, in its row. */
export const actColumns = ['kind', 'member_id', 'ip', 'user_agent', 'request_id', 'about'];

/**
 * Writes the history of every record, which stays when the log lets its images go. Rows that are a
 * member's own, like what he has read, are nobody's history. Taken in again, it writes nothing twice.
 */
export const history: Reader = {
  name: 'history',
  from: 'start',
  // Nobody waits for it: the timeline reads what is not written yet from the log.
  rest: 2_000,
  async apply(tx, changes) {
    const rows = changes.flatMap((logged) =>
      logged.rows.filter(isRecorded).map((row) => historyRow(logged, row)),
    );
    if (rows.length === 0) return;
    await writeRows(tx, JSON.stringify(rows));
    await writeFields(tx, JSON.stringify(rows));
    await writeSubjects(tx, JSON.stringify(rows));
  },
};

const isKnown = (entity: string): entity is EntityName => Object.hasOwn(entities, entity);

const isRecorded = ({ entity }: LoggedRow): boolean => !isKnown(entity) || !isPersonal(entity);

function historyRow(
  { position, at, actor, mutationId, runId }: LoggedTx,
  { entity, id, op, rev, before, after }: LoggedRow,
): object {
  const image = after ?? before ?? {};
  const changes = op === 'U' ? changesOf(before ?? {}, image) : actOf(entity, image);
  return {
    pos: position,
    ord: rev,
    entity,
    id,
    op,
    actor,
    mutation_id: mutationId,
    run_id: runId,
    at,
    title: titleOf(image),
    currency: image['currency'] ?? null,
    changes,
    keys: isKnown(entity) ? rowKeys(entity, belonging(image)) : [],
  };
}

/** Of an update each column's values before and after. */
const changesOf = (before: Image, image: Image): Image =>
  Object.fromEntries(
    Object.entries(before).map(([column, from]) => [column, [from, image[column] ?? null]]),
  );

/** An act of the audit is told by nothing but what its row says. */
const actOf = (entity: string, image: Image): Image =>
  entity === 'auditEvents'
    ? Object.fromEntries(actColumns.map((column) => [column, [null, image[column] ?? null]]))
    : {};

const belongingColumns = { owner_id: 'ownerId', team_id: 'teamId', member_id: 'memberId' };

const belonging = (image: Image): Image =>
  Object.fromEntries(
    Object.entries(belongingColumns).map(([column, name]) => [name, image[column] ?? null]),
  );

function titleOf(image: Image): string | null {
  const named = namingColumns.map((column) => image[column]).find((text) => text);
  return typeof named === 'string' ? named : null;
}

const columns = sql`x (pos bigint, ord bigint, entity text, id uuid, op "char", actor text,
  mutation_id text, run_id text, at timestamptz, title text, currency text,
  changes jsonb, keys text[])`;

/** The digest is made by the database, of the values as it keeps them. */
async function writeRows(tx: Tx, rows: string): Promise<void> {
  await sql`insert into sync.history (organization_id, pos, ord, entity, id, op, actor, mutation_id,
      run_id, at, title, currency, changes, keys, salt, digest)
    select sync.org(), x.pos, x.ord, x.entity, x.id, x.op, x.actor, x.mutation_id, x.run_id, x.at, x.title,
      x.currency, x.changes, x.keys, salt,
      sha256(salt || convert_to(jsonb_build_array(x.title, x.changes)::text, 'UTF8'))
    from jsonb_to_recordset(${rows}::jsonb) as ${columns},
      lateral (select uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) as salt where x.pos > 0) salted
    on conflict do nothing`.execute(tx);
}

async function writeFields(tx: Tx, rows: string): Promise<void> {
  await sql`insert into sync.history_fields (organization_id, entity, field, pos, ord)
    select sync.org(), x.entity, field, x.pos, x.ord
    from jsonb_to_recordset(${rows}::jsonb) as ${columns}, jsonb_object_keys(x.changes) field
    where x.op = 'U' on conflict do nothing`.execute(tx);
}

/** A record's newest row decides, also where older ones come again. */
async function writeSubjects(tx: Tx, rows: string): Promise<void> {
  await sql`insert into sync.subjects as s (organization_id, entity, id, pos, ord, title, keys, is_deleted, at)
    select distinct on (x.entity, x.id) sync.org(), x.entity, x.id, x.pos, x.ord, x.title, x.keys,
      x.op = 'D', x.at
    from jsonb_to_recordset(${rows}::jsonb) as ${columns}
    order by x.entity, x.id, x.pos desc, x.ord desc
    on conflict (organization_id, entity, id) do update set pos = excluded.pos, ord = excluded.ord,
      title = excluded.title, keys = excluded.keys, is_deleted = excluded.is_deleted, at = excluded.at
      where (s.pos, s.ord) < (excluded.pos, excluded.ord)`.execute(tx);
}
