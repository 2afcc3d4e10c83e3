import { sql } from 'kysely';
import type { JsonObject } from '#db/types.ts';
import type { App } from '../app.ts';
import { findPerson } from '../auth/person.ts';
import type { Tx } from '../live/transaction.ts';
import { inTransaction } from '../transact.ts';

/** Acts that change no record. */
export type ActKind =
  | 'signedIn'
  | 'signInFailed'
  | 'signInStopped'
  | 'signedOut'
  | 'sessionsEnded'
  | 'passwordChanged'
  | 'passwordReset'
  | 'refused'
  | 'exported'
  | 'keyMade'
  | 'keyRevoked'
  | 'erased';

/** Where a request came from. */
export interface Origin {
  ip: string | null;
  userAgent?: string | null | undefined;
  requestId?: string | undefined;
}

/** Of more than it needs to be: a call's whole context. */
export const originOf = ({ ip, userAgent, requestId }: Origin = { ip: null }): Origin => ({
  ip,
  userAgent,
  requestId,
});

interface Act extends Partial<Origin> {
  kind: Exclude<ActKind, 'erased'>;
  about?: JsonObject;
}

type Parts = Pick<App, 'config' | 'db' | 'pool' | 'log'>;

interface Doer {
  organizationId: string;
  memberId: string;
}

/** Writes an act of a member down, where the history, the seal and the audit find it. */
export async function noteAct(
  { pool }: Pick<Parts, 'pool'>,
  { organizationId, memberId }: Doer,
  act: Act,
): Promise<void> {
  await inTransaction(pool, { organizationId, actor: memberId }, (tx) =>
    writeAct(tx, { organizationId, memberId }, act),
  );
}

/** The same in the transaction of what was done. */
export async function writeAct(
  tx: Tx,
  { organizationId, memberId }: Doer,
  { kind, ip, userAgent, requestId, about = {} }: Act,
): Promise<void> {
  await tx
    .insertInto('sync.auditEvents')
    .values({
      organizationId,
      memberId,
      kind,
      ip: ip ?? null,
      userAgent: userAgent?.slice(0, 300) ?? null,
      requestId: requestId ?? null,
      about: JSON.stringify(about),
    })
    .execute();
}

/** An act of a person in every organization that he is an active member of. */
export async function noteOfPerson(parts: Parts, userId: string, act: Act): Promise<void> {
  const person = await findPerson(parts, userId);
  for (const membership of person?.memberships ?? []) await noteAct(parts, membership, act);
}

/** For acts whose time must tell nobody anything, or that were refused anyway: nobody waits for it. */
export function noteAside(parts: Parts, noting: Promise<void>): void {
  noting.catch((err: unknown) => parts.log.warn({ err }, 'an act could not be written down'));
}

const noted = new Map<string, number>();
const notedEvery = 60_000;

/** Once a minute: who tries again and again must not fill the audit. */
function isNew(key: string): boolean {
  const now = Date.now();
  if (now - (noted.get(key) ?? -Infinity) < notedEvery) return false;
  if (noted.size > 10_000) noted.clear();
  noted.set(key, now);
  return true;
}

/** That somebody was refused something, once a minute for each procedure. */
export function noteRefusal(
  parts: Parts,
  member: { organizationId: string; memberId: string },
  { path, origin }: { path: string; origin: Origin },
): void {
  if (!isNew(`${member.memberId} ${path}`)) return;
  noteAside(
    parts,
    noteAct(parts, member, { kind: 'refused', ...originOf(origin), about: { path } }),
  );
}

/** That too many passwords were tried at an address, once a minute; nothing where nobody has it. */
export function noteStopped(parts: Parts, email: string, origin: Origin): void {
  if (!isNew(`sign-in ${email}`)) return;
  const note = async (): Promise<void> => {
    const user = await parts.db
      .selectFrom('platform.users')
      .select('id')
      .where(sql`lower(email)`, '=', email)
      .executeTakeFirst();
    if (user) await noteOfPerson(parts, user.id, { kind: 'signInStopped', ...originOf(origin) });
  };
  noteAside(parts, note());
}
