import { sql } from 'kysely';
import { Lucia, TimeSpan, type Adapter, type Cookie } from 'lucia';
import { Outdated, type Proof } from '../live/commit.ts';
import { personOfUser, type AuthParts, type Person } from './person.ts';
import { fingerprint } from './secrets.ts';

declare module 'lucia' {
  interface Register {
    Lucia: ReturnType<typeof createLucia>;
    DatabaseUserAttributes: Person;
    DatabaseSessionAttributes: Device;
  }
}

interface Device {
  userAgent: string | null;
  ip: string | null;
}

export interface FoundSession {
  person: Person;
  /** Hex of what is stored; names the session without being able to open it. */
  sessionHash: string;
  /** To be sent when the session has just been extended. */
  renewedCookie: Cookie | undefined;
}

/** Thirty days from the last use, counted anew when half of them have gone. */
export async function startSession(
  parts: AuthParts,
  { userId, userAgent, ip }: { userId: string; userAgent: string | null; ip: string | null },
): Promise<Cookie> {
  const device = { userAgent: userAgent?.slice(0, 300) ?? null, ip };
  const session = await luciaOf(parts).createSession(userId, device);
  return luciaOf(parts).createSessionCookie(session.id);
}

export async function findSession(
  parts: AuthParts,
  cookieHeader: string,
): Promise<FoundSession | undefined> {
  const lucia = luciaOf(parts);
  const id = lucia.readSessionCookie(cookieHeader);
  if (!id || id.length > 100) return undefined;
  const { session, user } = await lucia.validateSession(id);
  if (!session) return undefined;
  return {
    person: user.person,
    sessionHash: fingerprint(id).toString('hex'),
    renewedCookie: session.fresh ? lucia.createSessionCookie(id) : undefined,
  };
}

/** A caller as this server last saw him, and what makes sure that he still is. */
export interface Remembered {
  person: Person;
  sessionHash: string;
  proof: Proof;
}

/**
 * Whom a cookie belonged to when it last came. Nothing may be done or told on the strength of it before
 * its proof is given. Undefined also where the session is about to be extended.
 */
export function rememberSession(parts: AuthParts, cookieHeader: string): Remembered | undefined {
  const id = luciaOf(parts).readSessionCookie(cookieHeader);
  if (!id || id.length > 100) return undefined;
  const hash = fingerprint(id);
  const sessionHash = hash.toString('hex');
  const seen = seenBy(parts).get(sessionHash);
  if (!seen || seen.expiresAt.getTime() - Date.now() < lasts.milliseconds() / 2) return undefined;
  const proof: Proof = {
    isGiven: false,
    async check(client) {
      const { rows } = await client.query<FoundStanding>(standingInSession, [hash]);
      proof.isGiven = rows.some(
        ({ organization_id: id, standing }) =>
          seen.person.memberships.find(({ organizationId }) => organizationId === id)?.standing ===
          standing,
      );
      if (proof.isGiven) return;
      seenBy(parts).delete(sessionHash);
      throw new Outdated();
    },
  };
  return { person: seen.person, sessionHash, proof };
}

interface Seen {
  person: Person;
  expiresAt: Date;
}
const mostSeen = 10_000;
const seen = new WeakMap<object, Map<string, Seen>>();

function seenBy({ pool }: Pick<AuthParts, 'pool'>): Map<string, Seen> {
  const known = seen.get(pool) ?? new Map<string, Seen>();
  seen.set(pool, known);
  return known;
}

const personOfSession = `select s.expires_at, ${personOfUser} as person
  from platform.sessions s join platform.users u on u.id = s.user_id and u.is_active
  where s.id_hash = $1`;
interface FoundPerson {
  expires_at: Date;
  person: Person;
}

/** In the transaction's organization; no row where he is no member of it, or not signed in, any more. */
const standingInSession = `select m.organization_id, m.rev || '.' || r.rev || '.' || o.rev as standing
  from platform.sessions s
  join platform.users u on u.id = s.user_id and u.is_active and not u.must_change_password
  join crm.members m on m.organization_id = sync.org() and m.user_id = u.id and m.is_active
  join crm.roles r on r.organization_id = m.organization_id and r.id = m.role_id
  join crm.organizations o on o.id = m.organization_id and o.is_active
  where s.id_hash = $1 and s.expires_at > now()`;
interface FoundStanding {
  organization_id: string;
  standing: string;
}

export const blankCookie = (parts: AuthParts): Cookie => luciaOf(parts).createBlankSessionCookie();

/** By its hash, or the beginning of it, past lucia, which knows only raw ids. */
export async function endSession(
  { db }: Pick<AuthParts, 'db'>,
  { userId, sessionHash }: { userId: string; sessionHash: string },
): Promise<void> {
  await db
    .deleteFrom('platform.sessions')
    .where('userId', '=', userId)
    .where(sql`encode(id_hash, 'hex')`, 'like', `${sessionHash.replace(/[^0-9a-f]/g, '')}%`)
    .execute();
}

/** A person's open sessions, latest first, named by the beginning of their hashes. */
export async function sessionsOf(
  { db }: Pick<AuthParts, 'db'>,
  { userId, sessionHash }: { userId: string; sessionHash?: string },
) {
  const rows = await db
    .selectFrom('platform.sessions')
    .select(['idHash', 'userAgent', 'ip', 'createdAt', 'expiresAt'])
    .where('userId', '=', userId)
    .where('expiresAt', '>', sql<Date>`now()`)
    .orderBy('createdAt', 'desc')
    .execute();
  return rows.map(({ idHash, ...session }) => {
    const hash = idHash.toString('hex');
    return { ...session, id: hash.slice(0, 16), isThis: hash === sessionHash };
  });
}

/** Ends every session and token of a person, but the sign-in that asks. */
export async function endSignIns(
  { db }: Pick<AuthParts, 'db'>,
  { userId, except = '' }: { userId: string; except?: string | undefined },
): Promise<void> {
  await db
    .deleteFrom('platform.sessions')
    .where('userId', '=', userId)
    .where('idHash', '!=', Buffer.from(except, 'hex'))
    .execute();
  await db
    .updateTable('platform.refreshTokens')
    .set({ revokedAt: sql<Date>`now()` })
    .where('userId', '=', userId)
    .where('revokedAt', 'is', null)
    .where(sql`family_id::text`, '!=', except)
    .execute();
}

/** Which of these sign-ins (`Identity.sessionHash`) are still good for an organization. */
export async function livingSignIns(
  { db }: Pick<AuthParts, 'db'>,
  names: string[],
): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    select encode(s.id_hash, 'hex') as name
      from platform.sessions s
      join platform.users u on u.id = s.user_id and u.is_active and not u.must_change_password
      where s.id_hash in (select decode(n, 'hex') from unnest(${names}::text[]) n where n ~ '^[0-9a-f]{64}$')
        and s.expires_at > now()
    union
    select t.family_id::text
      from platform.refresh_tokens t
      join platform.users u on u.id = t.user_id and u.is_active and not u.must_change_password
      where t.family_id in (select n::uuid from unnest(${names}::text[]) n where n ~ '^[0-9a-f-]{36}$')
        and t.revoked_at is null and t.expires_at > now()`.execute(db);
  return new Set(rows.map(({ name }) => name));
}

const lasts = new TimeSpan(30, 'd');
const made = new WeakMap<object, ReturnType<typeof createLucia>>();

function luciaOf(parts: AuthParts) {
  const lucia = made.get(parts.db) ?? createLucia(parts);
  made.set(parts.db, lucia);
  return lucia;
}

function createLucia(parts: AuthParts) {
  const secure = parts.config.publicUrl?.startsWith('https:') ?? false;
  return new Lucia(createAdapter(parts), {
    sessionExpiresIn: lasts,
    sessionCookie: { name: secure ? '__Host-syncline' : 'syncline', attributes: { secure } },
    getUserAttributes: (person) => ({ person }),
  });
}

/** Stores the hash of a session's id and nothing of the id itself. */
function createAdapter({ db, pool }: AuthParts): Adapter {
  const sessions = 'platform.sessions' as const;
  return {
    async getSessionAndUser(id) {
      const hash = fingerprint(id);
      const { rows } = await pool.query<FoundPerson>(personOfSession, [hash]);
      const [row] = rows;
      if (!row) return [null, null];
      const { person, expires_at: expiresAt } = row;
      const known = seenBy({ pool });
      if (known.size >= mostSeen) known.clear();
      known.set(hash.toString('hex'), { person, expiresAt });
      const attributes = { userAgent: null, ip: null };
      return [
        { id, userId: person.userId, expiresAt, attributes },
        { id: person.userId, attributes: person },
      ];
    },
    async setSession({ id, userId, expiresAt, attributes }) {
      await db
        .deleteFrom(sessions)
        .where('userId', '=', userId)
        .where('expiresAt', '<', sql<Date>`now()`)
        .execute();
      await db
        .insertInto(sessions)
        .values({ idHash: fingerprint(id), userId, expiresAt, ...attributes })
        .execute();
    },
    async updateSessionExpiration(id, expiresAt) {
      await db
        .updateTable(sessions)
        .set({ expiresAt })
        .where('idHash', '=', fingerprint(id))
        .execute();
    },
    async deleteSession(id) {
      await db.deleteFrom(sessions).where('idHash', '=', fingerprint(id)).execute();
    },
    async deleteUserSessions(userId) {
      await db.deleteFrom(sessions).where('userId', '=', userId).execute();
    },
    async deleteExpiredSessions() {
      await db
        .deleteFrom(sessions)
        .where('expiresAt', '<', sql<Date>`now()`)
        .execute();
    },
    // The ids are not known any more, and nothing of ours asks for them.
    getUserSessions: () => Promise.resolve([]),
  };
}
