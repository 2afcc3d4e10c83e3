import type { App } from '#server/app.ts';
import { findMember } from '#server/auth/membership.ts';
import { findPerson } from '#server/auth/person.ts';
import { hashPassword } from '#server/auth/password.ts';
import { signUp } from '#server/auth/sign-up.ts';
import { readConfig } from '#server/config.ts';
import { createLog } from '#server/log.ts';
import { LiveServer } from '#server/live/server.ts';
import { appRouter } from '#server/router.ts';
import { newId } from '#lib/shared/ids.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

export const password = 'correct horse battery';
export const secretKeys = ['newest'.padEnd(32, '.'), 'older'.padEnd(32, '.')];

/** The parts of a server that has no sockets, on a database of its own. */
export async function startParts(env: Record<string, string> = {}): Promise<{
  app: App;
  database: TestDatabase;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const database = await freshDatabase();
  const config = readConfig({ SECRET_KEYS: secretKeys.join(','), DEMO: '0', ...env });
  const log = createLog({ logLevel: 'silent' });
  const { pool, db } = database;
  const live = new LiveServer({
    pool,
    ownPool: pool,
    log,
    admit: () => Promise.resolve(undefined),
    findMember: () => Promise.resolve(undefined),
    liveSessions: () => Promise.resolve(new Set()),
    totals: [],
  });
  const app = { config, log, pool, db, live };
  return { app, database, [Symbol.asyncDispose]: () => database.drop() };
}

let signedUp = 0;

/** Somebody with an account and an organization of their own. */
export async function newOwner(app: App, name = 'Ann') {
  signedUp += 1;
  const email = `owner${signedUp}@example.test`;
  const organization = { name: `Organization of ${name}` };
  const account = { email, name, password, locale: 'en' as const };
  const made = await signUp(app, { ...account, organization, ip: '198.51.100.7' });
  return { ...made, email, name };
}

/** Somebody with an account and no organization. */
export async function newPerson(app: App, email: string) {
  const user = { id: newId(), email, name: email, passwordHash: await hashPassword(password) };
  await app.db.insertInto('platform.users').values(user).execute();
  return { userId: user.id, name: email, email };
}

/** Calls procedures as a person in an organization, with the rights of this moment. */
export async function as(
  app: App,
  { userId, organizationId }: { userId: string; organizationId: string },
) {
  const identity = { userId, via: 'session' as const };
  const member = await findMember(app, identity, organizationId);
  const context = { app, requestId: 'test', ip: '198.51.100.7', identity, member };
  return appRouter.createCaller({ ...context, mutationId: undefined });
}

export const asNobody = (app: App) =>
  appRouter.createCaller({
    app,
    requestId: 'test',
    ip: '198.51.100.7',
    identity: undefined,
    member: undefined,
    mutationId: undefined,
  });

export async function roleIdOf(
  app: App,
  { userId, organizationId }: { userId: string; organizationId: string },
  slug: string,
): Promise<string> {
  const { items: roles } = await (await as(app, { userId, organizationId })).roles.list();
  const role = roles.find((one) => one.slug === slug);
  if (!role) throw new Error(`There is no role ${slug}`);
  return role.id;
}

export async function slugsOf(app: App, userId: string): Promise<string[]> {
  const person = await findPerson(app, userId);
  return (person?.memberships ?? []).map(({ roleSlug }) => roleSlug);
}
