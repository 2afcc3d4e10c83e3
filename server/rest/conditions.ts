import type { IncomingMessage } from 'node:http';
import { sql } from 'kysely';
import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import { AppError, badInput } from '#lib/shared/errors.ts';
import type { Tx } from '../live/transaction.ts';
import { seenSql, type Member } from '../access.ts';
import { hashOf, type Context } from '../trpc.ts';
import type { Operation } from './operations.ts';
import type { RestRequest } from './route.ts';

/**
 * A write with its conditions: `If-Match` and `Idempotency-Key`. Both are looked at inside the write's
 * own transaction, so that of two who race one wins.
 */
export function conditioned(
  context: Context,
  { entity, procedure, route }: Operation,
  { headers }: IncomingMessage,
  asked: RestRequest,
): Context {
  const { member } = context;
  if (route.method === 'GET' || !member) return { ...context, mutationId: undefined };
  const { params } = asked;
  const key = route.method === 'POST' ? keyOf(headers['idempotency-key']) : undefined;
  const match = headers['if-match'];
  const id = params['id'];
  return {
    ...context,
    mutationId: key === undefined ? undefined : `rest:${key}`,
    requestHash: hashOf([procedure, asked]),
    precondition: async (tx) => {
      if (key !== undefined) await requireIdle(tx, member, key);
      if (match !== undefined && id !== undefined && isEntity(entity)) {
        await requireMatch(tx, { entity, id, match }, member);
      }
    },
  };
}

/** Whether what a reader has is what is there: `If-None-Match`. */
export function isUnchanged({ headers }: IncomingMessage, etag: string): boolean {
  const known = headers['if-none-match'];
  return (
    known !== undefined &&
    tagsOf(known).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag)
  );
}

function keyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = String(header).replace(/^"(.*)"$/, '$1');
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw badInput('Idempotency-Key', 'invalid');
  return key;
}

async function requireIdle(
  tx: Tx,
  { organizationId, memberId }: Member,
  key: string,
): Promise<void> {
  const name = `${organizationId}/${memberId}/${key}`;
  const { rows } = await sql<{ isFree: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as is_free`.execute(tx);
  if (!rows[0]?.isFree) throw new AppError('CONFLICT', { reason: 'stillRunning', retryAfter: 1 });
}

/** A record that the caller may not see is left to the procedure, which answers that there is none. */
async function requireMatch(
  tx: Tx,
  { entity, id, match }: { entity: EntityName; id: string; match: string },
  member: Member,
): Promise<void> {
  const { rows } = await sql<{ rev: number }>`
    select rev from ${sql.table(entity)}
    where organization_id = ${member.organizationId}::uuid and id = ${id}::uuid
      and ${seenSql(member, entity)} for no key update`.execute(tx);
  const [row] = rows;
  if (!row) return;
  const tags = tagsOf(match);
  if (!tags.includes('*') && !tags.includes(`"${row.rev}"`))
    throw new AppError('STALE', { reason: 'changedSince' });
}

const tagsOf = (header: string): string[] => header.split(',').map((tag) => tag.trim());

const isEntity = (name: string): name is EntityName =>
  entityNames.some((entity) => entity === name);
