import { createHash } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { keyFor } from './secrets.ts';
import { personOfUser, type AuthParts, type Person } from './person.ts';

export interface AccessClaims {
  userId: string;
  familyId: string;
  organizationId: string | null;
}

const issuer = 'syncline';
const audience = 'syncline-api';
const kind = 'at+jwt';
const minutes = 15;

/** Good for fifteen minutes, unless its person, family or membership ends sooner. */
export async function signAccess(
  { config }: Pick<AuthParts, 'config'>,
  { userId, familyId, organizationId }: AccessClaims,
): Promise<string> {
  const [newest = ''] = config.secretKeys;
  return new SignJWT({ fam: familyId, ...(organizationId ? { org: organizationId } : {}) })
    .setProtectedHeader({ alg: 'HS256', typ: kind, kid: nameOf(newest) })
    .setSubject(userId)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(`${minutes}m`)
    .sign(keyFor('access token', newest));
}

/** Whether it is worth a look at all; a huge token is not read. */
export const isAccessToken = (token: string): boolean =>
  token.length < 2048 && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);

/** Undefined for whatever is not our own, living token, or whose sign-in has been ended since. */
export async function verifyAccess(
  parts: AuthParts,
  token: string,
): Promise<{ person: Person; familyId: string; organizationId: string | undefined } | undefined> {
  const claims = await readClaims(parts, token);
  if (!claims) return undefined;
  const { rows } = await parts.pool.query<{ person: Person }>(
    `select ${personOfUser} as person from platform.users u
      where u.id = $1 and u.is_active and exists (
        select from platform.refresh_tokens t
        where t.family_id = $2 and t.user_id = u.id and t.revoked_at is null and t.expires_at > now())`,
    [claims.userId, claims.familyId],
  );
  const [row] = rows;
  return (
    row && {
      person: row.person,
      familyId: claims.familyId,
      organizationId: claims.organizationId ?? undefined,
    }
  );
}

async function readClaims({ config }: AuthParts, token: string): Promise<AccessClaims | undefined> {
  try {
    // The key is one of ours by its name; jku, jwk and x5u of the header are never looked at.
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const secretKey = config.secretKeys.find((key) => nameOf(key) === kid);
        if (secretKey === undefined) throw new Error('The token is signed with no key of ours');
        return keyFor('access token', secretKey);
      },
      {
        algorithms: ['HS256'],
        issuer,
        audience,
        typ: kind,
        requiredClaims: ['sub', 'exp', 'iat', 'fam'],
        maxTokenAge: `${minutes}m`,
      },
    );
    const { sub, fam, org } = payload;
    if (!isUuid(sub) || !isUuid(fam) || !(org === undefined || isUuid(org))) return undefined;
    return { userId: sub, familyId: fam, organizationId: org ?? null };
  } catch {
    return undefined;
  }
}

const nameOf = (secretKey: string): string =>
  createHash('sha256').update(`name of ${secretKey}`).digest('base64url').slice(0, 12);

const isUuid = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
