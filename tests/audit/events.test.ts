import { expect, test } from 'vitest';
import { readBatch } from '#server/readers/batch.ts';
import { history } from '#server/readers/history.ts';
import { newCustomer, refusal, startTeam } from '#tests/features/team.ts';
import { asNobody, newOwner, password } from '#tests/auth/people.ts';

type Team = Awaited<ReturnType<typeof startTeam>>;

/** What the audit tells the owner of acts, the oldest first. */
async function actsOf(team: Team): Promise<[string, string | undefined][]> {
  const { entries } = await (await team.as(team.owner)).audit.list({ entity: 'auditEvents' });
  return entries.reverse().map(({ action, actor }) => [action, actor?.name]);
}

async function emailOf({ app, owner }: Team): Promise<string> {
  const { email } = await app.db
    .selectFrom('platform.users')
    .select('email')
    .where('id', '=', owner.userId)
    .executeTakeFirstOrThrow();
  return email;
}

test('who signs in, fails to, changes the password and signs out is written down', async () => {
  await using team = await startTeam();
  const { app } = team;
  const email = await emailOf(team);
  const { tokens } = await asNobody(app).auth.login({ email, password });
  expect(await refusal(asNobody(app).auth.login({ email, password: 'wrong' }))).toContain(
    'UNAUTHENTICATED',
  );
  await expect.poll(() => actsOf(team)).toHaveLength(2);
  const next = 'quite another password';
  await (await team.as(team.owner)).auth.changePassword({ current: password, next });
  await (await team.as(team.owner)).auth.logout({ refresh: tokens.refresh });
  expect(await actsOf(team)).toEqual([
    ['signedIn', 'Ann'],
    ['signInFailed', 'Ann'],
    ['passwordChanged', 'Ann'],
    ['signedOut', 'Ann'],
  ]);
  const { entries } = await (await team.as(team.owner)).audit.list({ entity: 'auditEvents' });
  expect(entries[0]).toMatchObject({ ip: '198.51.100.7', requestId: 'test', isErased: false });
  // Whoever has no account leaves nothing, and nobody of another organization hears of it.
  await refusal(asNobody(app).auth.login({ email: 'nobody@example.test', password }));
  const other = await newOwner(app, 'Other');
  const theirs = await (await team.as(other)).audit.list({ entity: 'auditEvents' });
  expect(theirs.entries).toEqual([]);
});

test('guessing that is stopped, and sign-ins that are ended, are written down', async () => {
  await using team = await startTeam();
  const { app } = team;
  const email = await emailOf(team);
  await (await team.as(team.owner)).auth.endSessions({});
  const { tries } = app.config.signIn;
  const guesses = Array.from({ length: tries + 3 }, () => ({ email, password: 'wrong' }));
  for (const guess of guesses) await refusal(asNobody(app).auth.login(guess));
  await expect.poll(() => actsOf(team)).toHaveLength(tries + 2);
  const acts = (await actsOf(team)).map(([action]) => action);
  expect(acts[0]).toBe('sessionsEnded');
  expect(acts.filter((action) => action === 'signInFailed')).toHaveLength(tries);
  expect(acts.filter((action) => action === 'signInStopped')).toHaveLength(1);
});

test('what somebody is refused is written down once a minute', async () => {
  await using team = await startTeam();
  const viewer = await team.join('viewer');
  const calls = await team.as(viewer);
  for (let time = 0; time < 3; time += 1)
    expect(await refusal(newCustomer(calls))).toContain('FORBIDDEN');
  expect(await refusal(calls.audit.list({}))).toContain('FORBIDDEN');
  await expect.poll(() => actsOf(team)).toHaveLength(2);
  const { entries } = await (await team.as(team.owner)).audit.list({ entity: 'auditEvents' });
  const refused = entries.map(({ changes }) => JSON.stringify(changes[0]?.to)).sort();
  expect(refused).toEqual(['{"path":"audit.list"}', '{"path":"customers.create"}']);
});

test('the audit has everything, before and after it is read, by its filters, and page by page', async () => {
  await using team = await startTeam();
  const { app, owner } = team;
  const seller = await team.join('sales');
  const mine = await team.as(owner);
  const customer = await newCustomer(await team.as(seller), { name: '=cmd, "quoted"' });
  await mine.customers.update({ id: customer.id, name: 'Plain' });
  const since = new Date().toISOString();
  await mine.customers.delete({ id: customer.id });
  const told = async (asked: Parameters<typeof mine.audit.list>[0]) =>
    (await mine.audit.list(asked)).entries.map(({ action }) => action);
  for (const state of ['unread', 'read']) {
    const asked = { entity: 'customers' };
    expect(await told(asked), state).toEqual(['deleted', 'changed', 'created']);
    expect(await told({ ...asked, actor: seller.memberId }), state).toEqual(['created']);
    expect(await told({ ...asked, since }), state).toEqual(['deleted']);
    expect(await told({ ...asked, until: since }), state).toEqual(['changed', 'created']);
    const first = await mine.audit.list({ ...asked, limit: 2 });
    expect(first.entries.map(({ action }) => action)).toEqual(['deleted', 'changed']);
    expect(await told({ ...asked, before: first.nextBefore ?? '' }), state).toEqual(['created']);
    const place = { reader: history, organizationId: owner.organizationId };
    while ((await readBatch(app.pool, place)).state !== 'done');
  }
  const { csv } = await mine.audit.export({ entity: 'customers' });
  expect(csv.split('\r\n')).toHaveLength(5);
  expect(csv).toContain(`"'=cmd, ""quoted"""`);
  expect(await actsOf(team)).toEqual([['exported', 'Ann']]);
});
