import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from 'kysely';
import type { App } from '#server/app.ts';
import { checkPassword, deviceOf } from '#server/auth/sign-in.ts';
import { hashPassword, verifyPassword } from '#server/auth/password.ts';
import { findPerson } from '#server/auth/person.ts';
import { AppError } from '#lib/shared/errors.ts';
import { appRouter } from '#server/router.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { as, asNobody, newOwner, newPerson, password, startParts } from './people.ts';

let app: App;
let database: TestDatabase;
beforeAll(async () => ({ app, database } = await startParts()));
afterAll(() => database.drop());

const attempt = (email: string, given: string, more: { ip?: string; device?: string } = {}) =>
  checkPassword(app, { email, password: given, ip: '203.0.113.1', ...more }).then(
    () => 'in',
    (error: unknown) => (error instanceof AppError ? error.code : 'bug'),
  );

test('a password is kept as Argon2id in the PHC format, and no other password opens it', async () => {
  const hash = await hashPassword('пароль для входа');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(await hashPassword('пароль для входа')).not.toBe(hash);
  expect(await verifyPassword(hash, 'пароль для входа')).toBe(true);
  expect(await verifyPassword(hash, 'пароль для входа ')).toBe(false);
  expect(await verifyPassword(null, 'пароль для входа')).toBe(false);
  expect(await verifyPassword('not a hash', '')).toBe(false);
});

test('sign-in knows a person in whatever case the address is typed', async () => {
  const { userId } = await newPerson(app, 'case@example.test');
  const person = await checkPassword(app, {
    email: '  Case@Example.TEST ',
    password,
    ip: '203.0.113.1',
  });
  expect(person.userId).toBe(userId);
});

test('after ten failures from one address even the right password waits, there', async () => {
  await newPerson(app, 'throttled@example.test');
  for (let tries = 0; tries < 10; tries += 1) {
    expect(await attempt('throttled@example.test', 'wrong')).toBe('UNAUTHENTICATED');
  }
  const refusal = checkPassword(app, {
    email: 'throttled@example.test',
    password,
    ip: '203.0.113.1',
  });
  await expect(refusal).rejects.toMatchObject({
    code: 'TOO_MANY',
    details: {
      retryAfter: expect.toSatisfy((wait: number) => wait > 800 && wait <= 900) as number,
    },
  });
  expect(await attempt('throttled@example.test', password, { ip: '203.0.113.2' })).toBe('in');
  await sql`update platform.throttles set expires_at = now() - interval '1 second'`.execute(app.db);
  expect(await attempt('throttled@example.test', password)).toBe('in');
});

test('fifty guesses at once are ten', async () => {
  await newPerson(app, 'burst@example.test');
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => attempt('burst@example.test', 'wrong')),
  );
  expect(answers.filter((answer) => answer === 'UNAUTHENTICATED')).toHaveLength(10);
  expect(answers.filter((answer) => answer === 'TOO_MANY')).toHaveLength(40);
});

test('a hundred guesses a day from many addresses shut an account, but not a browser it knows', async () => {
  await newPerson(app, 'guessed@example.test');
  const device = deviceOf(app.config.secretKeys, 'guessed@example.test');
  for (let tries = 0; tries < 100; tries += 1) {
    await attempt('guessed@example.test', 'wrong', { ip: `203.0.113.${tries % 20}` });
  }
  const elsewhere = { ip: '192.0.2.1' };
  expect(await attempt('guessed@example.test', password, elsewhere)).toBe('TOO_MANY');
  expect(await attempt('guessed@example.test', password, { ...elsewhere, device })).toBe('in');
  const forged = deviceOf(['forged'.padEnd(32)], 'guessed@example.test');
  expect(await attempt('guessed@example.test', password, { ...elsewhere, device: forged })).toBe(
    'TOO_MANY',
  );
});

test('successful sign-ins do not use the allowance up', async () => {
  await newPerson(app, 'often@example.test');
  for (let tries = 0; tries < 12; tries += 1) {
    expect(await attempt('often@example.test', password)).toBe('in');
  }
});

test('an unknown address and a wrong password get the same answer', async () => {
  await newPerson(app, 'known@example.test');
  const answers = await Promise.all(
    ['known@example.test', 'unknown@example.test'].map((email) =>
      asNobody(app)
        .auth.login({ email, password: 'wrong' })
        .catch((error: unknown) => JSON.stringify(error)),
    ),
  );
  expect(answers[0]).toBe(answers[1]);
  expect(await attempt('known@example.test', 'wrong')).toBe('UNAUTHENTICATED');
});

// The quickest of each, because other work on the machine only ever adds time.
test('an unknown address takes as long as a wrong password', async () => {
  await newPerson(app, 'timed@example.test');
  const quickest: Record<string, number> = { timed: Infinity, untimed: Infinity };
  for (let round = 0; round < 20; round += 1) {
    for (const name of ['timed', 'untimed']) {
      const began = performance.now();
      await attempt(`${name}@example.test`, 'wrong', { ip: `192.0.2.${round}` });
      quickest[name] = Math.min(quickest[name] ?? Infinity, performance.now() - began);
    }
  }
  const { timed = 0, untimed = 0 } = quickest;
  // Without the hash it takes less than a tenth; other work on the machine moves it by half.
  expect(untimed / timed).toBeGreaterThan(0.3);
  expect(untimed / timed).toBeLessThan(3);
});

test('a one-time password gets no tokens', async () => {
  await newPerson(app, 'once@example.test');
  await app.db
    .updateTable('platform.users')
    .set({ mustChangePassword: true })
    .where('email', '=', 'once@example.test')
    .execute();
  const login = asNobody(app).auth.login({ email: 'once@example.test', password });
  await expect(login).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('sign-up makes an organization with roles, an owner, a default pipeline and reasons for losing', async () => {
  const made = await asNobody(app).auth.register({
    email: 'Olga@Example.test',
    password,
    name: 'Ольга Ким',
    organization: 'Ромашка и Ко',
    locale: 'ru',
  });
  const { memberships } = (await findPerson(app, made.id)) ?? { memberships: [] };
  expect(memberships).toMatchObject([{ slug: 'romashka-i-ko', roleSlug: 'owner' }]);
  const { rows } = await database.owner.pool.query(
    `select s.name, s.probability, s.kind, p.is_default from crm.stages s
     join crm.pipelines p on p.id = s.pipeline_id where s.organization_id = $1
     order by s.position`,
    [made.organizationId],
  );
  expect(rows.map((row: Record<string, unknown>) => Object.values(row))).toEqual([
    ['Лид', 10, 'open', true],
    ['Квалификация', 25, 'open', true],
    ['Предложение', 50, 'open', true],
    ['Переговоры', 75, 'open', true],
    ['Выиграна', 100, 'won', true],
    ['Проиграна', 0, 'lost', true],
  ]);
  const caller = await as(app, { userId: made.id, organizationId: made.organizationId });
  expect((await caller.roles.list()).items.map(({ slug }) => slug).sort()).toEqual(
    ['admin', 'customer', 'manager', 'owner', 'sales', 'viewer'].sort(),
  );
});

test('organizations of one name get addresses of their own, even when made at once', async () => {
  const many = await Promise.all(Array.from({ length: 5 }, () => newOwner(app, 'Twin')));
  expect(new Set(many.map(({ slug }) => slug)).size).toBe(5);
});

test('an address signs up once, and the second attempt leaves nothing behind', async () => {
  const ann = await newOwner(app);
  const count = async () =>
    (await database.owner.pool.query('select from crm.organizations')).rowCount;
  const before = await count();
  const again = asNobody(app).auth.register({ email: ann.email.toUpperCase(), password });
  await expect(again).rejects.toMatchObject({
    cause: { details: { fields: [{ field: 'email', rule: 'emailTaken' }] } },
  });
  expect(await count()).toBe(before);
});

test('a password that is short, common or the address itself is refused at sign-up', async () => {
  for (const bad of ['short', 'password1', 'aaaaaaaaaa', 'weak@example.test']) {
    const attempted = asNobody(app).auth.register({ email: 'weak@example.test', password: bad });
    await expect(attempted, bad).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  }
});

test('a person makes several organizations, and a repeated call makes one', async () => {
  const ann = await newOwner(app);
  const caller = await as(app, ann);
  await caller.organizations.create({ name: 'Second' });
  const identity = { userId: ann.userId, via: 'session' as const };
  const context = { app, requestId: 'test', ip: '', identity, member: undefined };
  const repeating = appRouter.createCaller({ ...context, mutationId: 'the same attempt' });
  const first = await repeating.organizations.create({ name: 'Third' });
  const second = await repeating.organizations.create({ name: 'Third' });
  expect(second).toEqual(first);
  expect((await caller.organizations.mine()).map(({ name }) => name)).toEqual([
    'Organization of Ann',
    'Second',
    'Third',
  ]);
});
