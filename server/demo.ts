import { sql } from 'kysely';
import { newId } from '#lib/shared/ids.ts';
import { hashPassword } from './auth/password.ts';
import { nordlicht, polaris } from './demo-data.ts';
import { Filling } from './demo-filling.ts';
import { commit, type Committer } from './live/commit.ts';
import type { Tx } from './live/transaction.ts';

const FILLING = 7_390_154_031;

/**
 * Puts the demo organizations and their people in, all of it or nothing, where nobody has signed up
 * yet. Answers whether it did; safe to call at every start and from several processes.
 */
export async function fillDemo(
  { live }: { live: Committer },
  { password, now = new Date() }: { password: string; now?: Date },
): Promise<boolean> {
  const [first, second] = [polaris, nordlicht].map((plan) => new Filling(plan, now));
  if (!first || !second || (await isInUse(live))) return false;
  const passwordHash = await hashPassword(password);
  const scope = { organizationId: first.id, actor: first.actor };
  const { data: isFilled } = await commit(live, scope, async (tx) => {
    await sql`select pg_advisory_xact_lock(${FILLING}::bigint)`.execute(tx);
    if (await hasUsers(tx)) return false;
    const users = await addUsers(tx, { passwordHash, now });
    await first.fill(tx, users);
    await sql`select set_config('app.organization_id', ${second.id}, true),
      set_config('app.actor', ${second.actor}, true)`.execute(tx);
    await second.fill(tx, users);
    return true;
  });
  if (isFilled) await leaveHistory(live, first);
  return isFilled;
}

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

/** So that a deal's history has more to tell than that it was made. */
async function leaveHistory(live: Committer, filling: Filling): Promise<void> {
  const scope = { organizationId: filling.id, actor: filling.memberId('Анна Ковалёва') };
  await commit(live, scope, (tx) =>
    tx
      .updateTable('deals')
      .set({ value: 111_000_000, priority: 'high' })
      .where('organizationId', '=', filling.id)
      .where('title', '=', 'Пять точек: докомплектация')
      .execute(),
  );
}
