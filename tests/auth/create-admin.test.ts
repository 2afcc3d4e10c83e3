import { expect, test } from 'vitest';
import { makeAdministrator } from '#server/auth/make-administrator.ts';
import { changePassword } from '#server/auth/change-password.ts';
import { checkPassword } from '#server/auth/sign-in.ts';
import { newOwner, slugsOf, startParts } from './people.ts';

const wanted = { name: 'Root', locale: 'en' as const, password: 'one time password' };

test('an administrator made by a command gets in with the printed password and has to change it', async () => {
  await using server = await startParts();
  const { app } = server;
  const email = 'root@example.test';
  const made = await makeAdministrator(app, { ...wanted, email, organization: 'New Company' });
  expect(made).toMatchObject({ slug: 'new-company', role: 'owner' });
  const person = await checkPassword(app, { email, password: wanted.password, ip: '192.0.2.1' });
  expect(person).toMatchObject({ mustChangePassword: true, memberships: [] });
  const { userId } = person;
  await changePassword(app, { userId, current: wanted.password, next: 'a password of my own' });
  expect(await slugsOf(app, userId)).toEqual(['owner']);
});

test('the command makes somebody administrator of an organization that is there', async () => {
  await using server = await startParts();
  const { app } = server;
  const ann = await newOwner(app);
  const email = 'second@example.test';
  const made = await makeAdministrator(app, { ...wanted, email, organization: ann.slug });
  expect(made).toMatchObject({ slug: ann.slug, role: 'admin' });
  const again = await makeAdministrator(app, {
    ...wanted,
    email: ann.email,
    organization: 'Organization of Ann',
  });
  expect(again).toMatchObject({ slug: ann.slug, role: 'owner' });
});
