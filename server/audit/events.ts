import type { JsonObject } from '#db/types.ts';
import type { App } from '../app.ts';
import { findPerson } from '../auth/person.ts';
import { inTransaction } from '../transact.ts';

/** Acts that change no record. */
export type ActKind =
  | 'signedIn'
  | 'signInFailed'
  | 'signedOut'
  | 'passwordChanged'
  | 'passwordReset'
  | 'refused'
  | 'exported'
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

/** Writes an act of a member down, where the history, the seal and the audit find it. */
export async function noteAct(
  { pool }: Pick<Parts, 'pool'>,
  { organizationId, memberId }: { organizationId: string; memberId: string },
  { kind, ip, userAgent, requestId, about = {} }: Act,
): Promise<void> {
  await inTransaction(pool, { organizationId, actor: memberId }, (tx) =>
    tx
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
      .execute(),
  );
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

const refusals = new Map<string, number>();
const refusedEvery = 60_000;

/** That somebody was refused something, once a minute for each procedure. */
export function noteRefusal(
  parts: Parts,
  member: { organizationId: string; memberId: string },
  { path, origin }: { path: string; origin: Origin },
): void {
  const now = Date.now();
  const key = `${member.memberId} ${path}`;
  if (now - (refusals.get(key) ?? 0) < refusedEvery) return;
  if (refusals.size > 10_000) refusals.clear();
  refusals.set(key, now);
  noteAside(
    parts,
    noteAct(parts, member, { kind: 'refused', ...originOf(origin), about: { path } }),
  );
}
