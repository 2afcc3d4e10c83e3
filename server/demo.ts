import { sql } from 'kysely';
import { newId } from '#lib/shared/ids.ts';
import { hashPassword } from './auth/password.ts';
import { actInDemo } from './demo-acts.ts';
import { nordlicht, polaris } from './demo-data.ts';
import { Filling } from './demo-filling.ts';
import { commit, type Committer } from './live/commit.ts';
import type { Scope, Tx } from './live/transaction.ts';

const FILLING = 7_390_154_031;

/**
 * Puts the demo organizations and their people in where nobody has signed up yet. Answers whether it did; safe to call at every start and from several processes.
 */
export async function fillDemo(
  { live }: { live: Committer },
  { password, now = new Date() }: { password: string; now?: Date },
): Promise<boolean> {
  const [first, second] = [polaris, nordlicht].map((plan) => new Filling(plan, now));
  if (!first || !second || (await isInUse(live))) return false;
  const passwordHash = await hashPassword(password);
  const { data: users } = await commit(live, scopeOf(first), async (tx) => {
    await sql`select pg_advisory_xact_lock(${FILLING}::bigint)`.execute(tx);
    if (await hasUsers(tx)) return undefined;
    const added = await addUsers(tx, { passwordHash, now });
    await first.fill(tx, added);
    return added;
  });
  if (!users) return false;
  // A transaction of its own: a transaction has one actor, and each organization its own people.
  await commit(live, scopeOf(second), (tx) => second.fill(tx, users));
  await actInDemo(live, first);
  return true;
}

const scopeOf = ({ id, actor }: Filling): Scope => ({ organizationId: id, actor });

async function isInUse({ pool }: Committer): Promise<boolean> {
  const { rows } = await pool.query('select from platform.users limit 1');
  return rows.length > 0;
}

async function hasUsers(tx: Tx): Promise<boolean> {
  return (await tx.selectFrom('platform.users').select('id').limit(1).execute()).length > 0;
}

async function addUsers(
  tx: Tx,
  { passwordHash, now }: { passwordHash: string; now: Date },
): Promise<Map<string, string>> {
  const people = polaris.people.flatMap(({ name, email }) =>
    email ? [{ id: newId(), email, name, locale: polaris.locale }] : [],
  );
  await tx
    .insertInto('platform.users')
    .values(people.map((person) => ({ ...person, passwordHash, passwordChangedAt: now })))
    .execute();
  return new Map(people.map(({ email, id }) => [email, id]));
}
