import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';

/** A row of the history as the seal has it; values as the text that Postgres writes of them. */
export interface SealedRow {
  pos: number;
  ord: number;
  entity: string;
  id: string;
  /** In UTC, to the microsecond; sorts as it reads. */
  at: string;
  /** What is sealed beside the digest, in one text. */
  plain: string;
  /** The values that the digest is made of; null where they were erased. */
  values: string | null;
  salt: Buffer | null;
  digest: Buffer;
}

/** A link of the chain. */
export interface Seal {
  fromPos: number;
  toPos: number;
  rows: number;
  previous: Buffer;
  hash: Buffer;
  signature: Buffer;
}

export const noHash = Buffer.alloc(32);
const pageOf = 2_000;

/** The history of an organization between two positions, both of them in it. */
export async function* historyBetween(
  client: PoolClient,
  organizationId: string,
  { from, to }: { from: number; to: number },
): AsyncGenerator<SealedRow> {
  for (let place: [number, number] = [from, -1]; ;) {
    const { rows } = await client.query<SealedRow>(
      `select pos, ord, entity, id, utc as at,
         jsonb_build_array(pos, ord, entity, id, op::text, actor, mutation_id, run_id,
           utc, currency, keys)::text as plain,
         case when title is null and changes is null then null
           else jsonb_build_array(title, changes)::text end as "values", salt, digest
       from sync.history, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') utc
       where organization_id = $1 and (pos, ord) > ($2, $3) and pos <= $4
       order by pos, ord limit ${pageOf}`,
      [organizationId, ...place, to],
    );
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageOf) return;
    place = [last.pos, last.ord];
  }
}

/** The hash of a link: over the one before, the bounds, and every row with its digest. */
export class LinkHash {
  readonly #hash = createHash('sha256');
  rows = 0;

  constructor(
    organizationId: string,
    { previous, fromPos, toPos }: Pick<Seal, 'previous' | 'fromPos' | 'toPos'>,
  ) {
    this.#hash.update(previous).update(`${organizationId} ${fromPos} ${toPos}\n`);
  }

  add({ plain, digest }: SealedRow): void {
    this.rows += 1;
    this.#hash.update(`${plain} ${digest.toString('hex')}\n`);
  }

  end(): Buffer {
    return this.#hash.digest();
  }
}

export const digestOf = (salt: Buffer, values: string): Buffer =>
  createHash('sha256').update(salt).update(values).digest();

/** What is signed of a link, and written beside the database. */
export const headText = (
  organizationId: string,
  { toPos, hash }: Pick<Seal, 'toPos' | 'hash'>,
): string => `syncline audit 1 ${organizationId} ${toPos} ${hash.toString('hex')}`;
