import { sql, type RawBuilder } from 'kysely';
import type { PoolClient } from 'pg';
import {
  columnsOf,
  kindsOf,
  topics,
  type EntityName,
  type TopicName,
} from '#lib/shared/entities.ts';
import type { Standing } from '#lib/shared/standing.ts';
import { seenSql } from '../access.ts';
import { builderOn } from './transaction.ts';

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Rows of a topic as JSON text, and the position that they show. */
export interface Snapshot {
  position: number;
  body: Buffer;
}

export interface Topic {
  entity: EntityName;
  by: readonly string[];
  values: string[];
}

/** Reads a topic key; undefined for a key that names nothing. */
export function parseTopic(key: string): Topic | undefined {
  const [name = '', ...values] = key.split('/');
  if (!Object.hasOwn(topics, name)) return undefined;
  const { entity, by } = topics[name as TopicName];
  if (values.length !== by.length) return undefined;
  const kinds = kindsOf(entity);
  const isUuid = (text: string): boolean =>
    /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text);
  const fits = by.every(
    (column, at) => !kinds[column]?.startsWith('id') || isUuid(values[at] ?? ''),
  );
  return fits ? { entity, by, values } : undefined;
}

/** The rows of a topic that a member may see; Postgres writes the JSON, this process only passes it on. */
export async function loadTopic(
  client: PoolClient,
  member: Standing,
  { entity, by, values }: Topic,
): Promise<Buffer> {
  const narrowed = by.map((column, at) => sql`${sql.ref(snake(column))} = ${values[at]}`);
  const rows = await load(client, member, entity, narrowed);
  return Buffer.from(`[${rows.map(([, row]) => row).join(',')}]`);
}

/** Single records in one query, as if each were a topic of its own. */
export async function loadRecords(
  client: PoolClient,
  member: Standing,
  entity: EntityName,
  ids: string[],
): Promise<Map<string, Buffer>> {
  const rows = await load(client, member, entity, [sql`id = any(${ids}::uuid[])`]);
  return new Map(rows.map(([id, row]) => [id, Buffer.from(`[${row}]`)]));
}

async function load(
  client: PoolClient,
  member: Standing,
  entity: EntityName,
  narrowed: RawBuilder<unknown>[],
): Promise<[id: string, row: string][]> {
  const kinds = kindsOf(entity);
  const fields = columnsOf(entity).map((name) =>
    kinds[name]?.startsWith('time')
      ? `floor(extract(epoch from ${snake(name)}) * 1000)::bigint`
      : kinds[name]?.startsWith('decimal')
        ? `trim_scale(${snake(name)})::text`
        : snake(name),
  );
  const visible = [
    sql`organization_id = (select sync.org())`,
    seenSql(member, entity),
    ...narrowed,
  ];
  const query = sql`
    select id, json_build_array(id, rev, ${sql.raw(fields.join(', '))})::text
    from ${sql.table(`crm.${snake(entity)}`)} where ${sql.join(visible, sql` and `)}`;
  const { sql: text, parameters } = query.compile(builderOn(client));
  // A row at a time, which Postgres sends while it reads on: one large value costs it twice the time.
  const { rows } = await client.query<[string, string]>({
    text,
    values: [...parameters],
    rowMode: 'array',
  });
  return rows;
}
