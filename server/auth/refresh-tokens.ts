import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import type { DB } from '#db/types.ts';
import { AppError } from '#lib/shared/errors.ts';
import { signAccess } from './access-tokens.ts';
import type { AuthParts } from './person.ts';
import { fingerprint, newSecret, sign } from './secrets.ts';

export interface Tokens {
  access: string;
  refresh: string;
}

const days = 7;
const graceSeconds = 10;

/** A new family: one sign-in of a program, ended as a whole. */
export async function issueTokens(
  parts: AuthParts,
  { userId, organizationId }: { userId: string; organizationId: string | null },
): Promise<Tokens & { familyId: string }> {
  const refresh = newSecret();
  const family = { userId, organizationId, familyId: randomUUID() };
  await keep(parts.db, refresh, family);
  return { refresh, access: await signAccess(parts, family), familyId: family.familyId };
}

/**
 * Replaces a refresh token by its successor. Within ten seconds the same successor is answered again,
 * because two tabs may ask at once or an answer may be lost; a token used later than that is in two
 * hands, and its family ends.
 */
export async function rotateTokens(parts: AuthParts, token: string): Promise<Tokens> {
  const used = await parts.db.transaction().execute(async (tx) => {
    const row = await lockToken(tx, token);
    if (!row) return undefined;
    if (!row.isReplaced) {
      const refresh = successorOf(parts, token)[0] ?? '';
      await keep(tx, refresh, row);
      await tx
        .updateTable('platform.refreshTokens')
        .set({ successor: fingerprint(refresh), replacedAt: sql<Date>`now()` })
        .where('tokenHash', '=', fingerprint(token))
        .execute();
      return { ...row, refresh };
    }
    const refresh = successorOf(parts, token).find((one) =>
      row.successor?.equals(fingerprint(one)),
    );
    if (row.isInGrace && refresh) return { ...row, refresh };
    await endFamily(tx, row.familyId);
    return { ...row, refresh: undefined };
  });
  if (!used) throw notGood();
  if (!used.refresh) {
    const { userId, familyId } = used;
    parts.log.warn({ event: 'refresh token used again', userId, familyId }, 'sign-in ended');
    throw notGood();
  }
  return { refresh: used.refresh, access: await signAccess(parts, used) };
}

/** For programs that keep one refresh token for its seven days. */
export async function refreshAccess(
  parts: AuthParts,
  token: string,
): Promise<Pick<Tokens, 'access'>> {
  const row = await lockToken(parts.db, token);
  if (!row || row.isReplaced) throw notGood();
  return { access: await signAccess(parts, row) };
}

export async function endFamily(db: Kysely<DB>, familyId: string): Promise<void> {
  await db
    .updateTable('platform.refreshTokens')
    .set({ revokedAt: sql<Date>`now()` })
    .where('familyId', '=', familyId)
    .where('revokedAt', 'is', null)
    .execute();
}

/** The family of a token, used or not. */
export async function endFamilyOf(db: Kysely<DB>, token: string): Promise<void> {
  const row = await db
    .selectFrom('platform.refreshTokens')
    .select('familyId')
    .where('tokenHash', '=', fingerprint(token))
    .executeTakeFirst();
  if (row) await endFamily(db, row.familyId);
}

/** A token of nobody, of a family that has ended, or of a person who is shut out: undefined. */
async function lockToken(db: Kysely<DB>, token: string) {
  return db
    .selectFrom('platform.refreshTokens as t')
    .innerJoin('platform.users as u', 'u.id', 't.userId')
    .select(['t.familyId', 't.userId', 't.organizationId', 't.successor'])
    .select(sql<boolean>`t.replaced_at is not null`.as('isReplaced'))
    .select(
      sql<boolean>`t.replaced_at > clock_timestamp() - make_interval(secs => ${graceSeconds})`.as(
        'isInGrace',
      ),
    )
    .where('t.tokenHash', '=', fingerprint(token))
    .where('t.revokedAt', 'is', null)
    .where('t.expiresAt', '>', sql<Date>`now()`)
    .where('u.isActive', '=', true)
    .forUpdate('t')
    .executeTakeFirst();
}

async function keep(
  db: Kysely<DB>,
  token: string,
  {
    userId,
    organizationId,
    familyId,
  }: { userId: string; organizationId: string | null; familyId: string },
): Promise<void> {
  await db
    .insertInto('platform.refreshTokens')
    .values({
      tokenHash: fingerprint(token),
      familyId,
      userId,
      organizationId,
      expiresAt: sql<Date>`now() + make_interval(days => ${days})`,
    })
    .execute();
}

// Made from the token itself, so that it can be answered again and is stored nowhere.
const successorOf = ({ config }: AuthParts, token: string): string[] =>
  config.secretKeys.map((key) => sign('refresh token successor', key, token));

const notGood = (): AppError => new AppError('UNAUTHENTICATED', { reason: 'tokenNotGood' });
