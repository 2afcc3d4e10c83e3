import {
  columnsOf,
  entities,
  entityNames,
  kindsOf,
  topicKey,
  topics,
  type EntityName,
  type TopicName,
} from '#lib/shared/entities.ts';
import { packId } from '#lib/shared/ids.ts';
import type { Op } from '#lib/shared/wire.ts';
import { rowKeys } from '../access.ts';

/** A row of sync.read_log. */
export interface LogRow {
  pos: number;
  at: Date;
  actor: string | null;
  entity: string;
  id: string;
  op: 'I' | 'U' | 'D';
  rev: number;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export type Image = { id: string } & Record<string, unknown>;

/** One changed row, read once: images with the wire's values, the keys it was and is visible under. */
export interface RowChange {
  entity: EntityName;
  id: string;
  rev: number;
  was: Image | undefined;
  is: Image | undefined;
  changed: string[];
  keysBefore: readonly string[];
  keysAfter: readonly string[];
  topicsBefore: readonly string[];
  topicsAfter: readonly string[];
}

export interface LogTx {
  position: number;
  at: number;
  actor: string | null;
  rows: RowChange[];
  /** About what it takes of memory. */
  bytes: number;
}

interface Column {
  name: string;
  stored: string;
  isTime: boolean;
  isDecimal: boolean;
}
const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const columns = new Map<string, Column[]>(
  entityNames.map((entity) => [
    entity,
    columnsOf(entity).map((name) => {
      const kind = kindsOf(entity)[name] ?? 'text';
      return {
        name,
        stored: snake(name),
        isTime: kind.startsWith('time'),
        isDecimal: kind.startsWith('decimal'),
      };
    }),
  ]),
);
const entityNumbers = new Map<string, number>(
  entityNames.map((entity, number) => [entity, number]),
);
const columnNumbers = new Map<string, Map<string, number>>(
  entityNames.map((entity) => [
    entity,
    new Map(columnsOf(entity).map((name, number) => [name, number])),
  ]),
);
const topicsOf = new Map<string, [TopicName, readonly string[]][]>(
  entityNames.map((entity) => [
    entity,
    Object.entries(topics)
      .filter(([, topic]) => topic.entity === entity)
      .map(([name, topic]) => [name as TopicName, topic.by]),
  ]),
);

/** Groups log rows, which come in order, into transactions; untracked entities are left out. */
export function readTransactions(rows: LogRow[]): LogTx[] {
  const txs: LogTx[] = [];
  for (const row of rows) {
    let tx = txs.at(-1);
    if (tx?.position !== row.pos) {
      tx = { position: row.pos, at: row.at.getTime(), actor: row.actor, rows: [], bytes: 0 };
      txs.push(tx);
    }
    if (!Object.hasOwn(entities, row.entity)) continue;
    const change = readRow(row, row.entity as EntityName);
    tx.rows.push(change);
    tx.bytes += bytesOf(change.was) + bytesOf(change.is);
  }
  return txs;
}

/** About what an image takes of memory: most of it is in texts. */
function bytesOf(image: Image | undefined): number {
  let bytes = 0;
  for (const value of Object.values(image ?? {}))
    bytes += typeof value === 'string' ? 16 + value.length : Array.isArray(value) ? 64 : 8;
  return bytes;
}

function readRow(row: LogRow, entity: EntityName): RowChange {
  const known = columns.get(entity) ?? [];
  const is = row.after ? image(known, row.after) : undefined;
  const old = row.op === 'D' ? row.before : row.op === 'U' ? { ...row.after, ...row.before } : null;
  const was = old ? image(known, old) : undefined;
  const touched = row.before ?? {};
  return {
    entity,
    id: row.id,
    rev: row.rev,
    was,
    is,
    changed:
      row.op === 'U' ? known.filter(({ stored }) => stored in touched).map(({ name }) => name) : [],
    keysBefore: was ? rowKeys(entity, was) : [],
    keysAfter: is ? rowKeys(entity, is) : [],
    topicsBefore: was ? topicKeys(entity, was) : [],
    topicsAfter: is ? topicKeys(entity, is) : [],
  };
}

function image(known: Column[], stored: Record<string, unknown>): Image {
  const row: Record<string, unknown> = {};
  for (const { name, stored: from, isTime, isDecimal } of known) {
    const value = stored[from] ?? null;
    if (value === null) row[name] = null;
    else if (isTime && typeof value === 'string') row[name] = Date.parse(value);
    else if (isDecimal && typeof value === 'number') row[name] = decimalText(value);
    else row[name] = value;
  }
  return row as Image;
}

/** As Postgres writes it with trim_scale: never with an exponent. */
function decimalText(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(10).replace(/\.?0+$/, '') : text;
}

function topicKeys(entity: EntityName, row: Image): string[] {
  const keys: string[] = [];
  for (const [topic, by] of topicsOf.get(entity) ?? []) {
    const values = by.map((column) => row[column]);
    if (values.every((value) => typeof value === 'string')) keys.push(topicKey(topic, values));
  }
  return keys;
}

/** Who is asked about: the keys a person holds and the topics a person has subscribed to. */
export interface View {
  rights: ReadonlySet<string>;
  topics: ReadonlySet<string>;
}

/** What a change means to a view: a row enters, changes, leaves, or nothing. */
export function opFor(change: RowChange, { rights, topics: subscribed }: View): Op | undefined {
  const sawIt = holds(rights, change.keysBefore) && holds(subscribed, change.topicsBefore);
  const seesIt = holds(rights, change.keysAfter) && holds(subscribed, change.topicsAfter);
  if (!sawIt && !seesIt) return undefined;
  const entity = entityNumbers.get(change.entity) ?? 0;
  const id = packId(change.id);
  if (!seesIt || !change.is) return [entity, id, change.rev];
  const { is } = change;
  if (!sawIt) {
    const values = columnsOf(change.entity).map((name) => wireValue(change.entity, name, is[name]));
    return [entity, id, change.rev, 1, values];
  }
  if (change.changed.length === 0) return undefined;
  const numbers = columnNumbers.get(change.entity);
  const pairs = change.changed.flatMap((name) => [
    numbers?.get(name),
    wireValue(change.entity, name, is[name]),
  ]);
  return [entity, id, change.rev, 0, pairs];
}

function holds(held: ReadonlySet<string>, keys: readonly string[]): boolean {
  return keys.some((key) => held.has(key));
}

function wireValue(entity: EntityName, name: string, value: unknown): unknown {
  const kind = kindsOf(entity)[name];
  return (kind === 'id' || kind === 'id?') && typeof value === 'string' ? packId(value) : value;
}

/** The actor as it travels: a member's id packed, a worker's name as it is. */
export function wireActor(actor: string | null): string | null {
  return actor && /^[0-9a-f-]{36}$/.test(actor) ? packId(actor) : actor;
}
