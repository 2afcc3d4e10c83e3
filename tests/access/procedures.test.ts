import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeNamed } from '#lib/shared/change.ts';
import { newId } from '#lib/shared/ids.ts';
import type { App } from '#server/app.ts';
import { findMember } from '#server/auth/membership.ts';
import { Outdated, type Proof } from '#server/live/commit.ts';
import { appRouter } from '#server/router.ts';
import { startParts } from '#tests/auth/people.ts';
import type { TestDatabase } from '#tests/support/database.ts';
import { fixtures } from './fixtures.ts';
import {
  matrix,
  otherRefusals,
  outsiders,
  refusals,
  refusedInside,
  roles,
  type Caller,
} from './matrix.ts';
import { makePlace, type Place, type Somebody } from './place.ts';

const canary = 'Canary';
const procedures = Object.keys(appRouter._def.procedures).sort();
const walked = procedures.filter((procedure) => fixtures[procedure] && matrix[procedure]);

let app: App;
let database: TestDatabase;
let ours: Place;
let theirs: Place;
let callers: Map<Caller, Somebody>;
let beside: Somebody;
let mate: Somebody;
beforeAll(async () => {
  ({ app, database } = await startParts());
  ours = await makePlace({ app, database }, 'Ours');
  theirs = await makePlace({ app, database }, canary);
  const teamId = await ours.make.team();
  const joined = await Promise.all(
    roles
      .slice(1)
      .map(async (role): Promise<[Caller, Somebody]> => [role, await ours.join(role, teamId)]),
  );
  mate = await ours.join('sales', teamId);
  beside = await ours.join('sales', await ours.make.team());
  callers = new Map<Caller, Somebody>([
    ['owner', ours.owner],
    ...joined,
    ['stranger', { ...theirs.owner, organizationId: ours.organizationId }],
  ]);
});
afterAll(() => database.drop());

test('every procedure has a fixture and a row of the matrix, and neither has more', () => {
  expect(Object.keys(fixtures).sort()).toEqual(procedures);
  expect(Object.keys(matrix).sort()).toEqual(procedures);
});

describe.each(walked)('%s', (procedure) => {
  test.each([...roles, ...outsiders])('called by %s', async (caller) => {
    const may = matrix[procedure]?.may.includes(caller);
    const who = callers.get(caller);
    const input = await inputOf(
      procedure,
      ours,
      who?.organizationId && caller !== 'stranger' ? who : ours.owner,
    );
    const { refusal, text } = await call(procedure, who, input);
    const expected = may
      ? refusedInside[procedure]
      : (otherRefusals[procedure]?.[caller] ?? refusals[caller] ?? refusals.member);
    expect(refusal).toBe(expected);
    if (may && matrix[procedure]?.beside === 'nothing')
      expect(JSON.parse(text).total).toBeGreaterThan(0);
  });

  test('called with what is another organization’s: like with what never was, and nothing there is touched', async () => {
    const places = idsIn(await inputOf(procedure, ours, ours.owner));
    const foreign = await inputOf(procedure, theirs, theirs.owner);
    const before = await theirs.checksum();
    for (const path of places) {
      const there = at(foreign, path);
      const [met, never] = await Promise.all(
        [there, newId()].map(async (id) => {
          const { refusal, text } = await call(
            procedure,
            ours.owner,
            placed(await inputOf(procedure, ours, ours.owner), path, id),
          );
          return refusal ? { refusal, text: text.replaceAll(id, 'id') } : { refusal, text: '' };
        }),
      );
      expect(met, path.join('.')).toEqual(never);
    }
    const whole = await call(procedure, ours.owner, foreign);
    expect(whole.text).not.toContain(canary);
    expect(await theirs.checksum()).toBe(before);
  });
});

const owned = walked.filter((procedure) => matrix[procedure]?.beside);

test.each(owned)(
  '%s, called by a seller with a record of another team, finds none',
  async (procedure) => {
    const input = await inputOf(procedure, ours, beside);
    const { refusal, text } = await call(procedure, callers.get('sales'), input);
    const expected = matrix[procedure]?.beside;
    if (expected === 'nothing') expect(JSON.parse(text)).toMatchObject({ items: [], total: 0 });
    else expect(refusal?.split(':')[0]).toBe(expected);
  },
);

test.each(owned)(
  '%s, called by a seller with a record of a teammate, does what the role says',
  async (procedure) => {
    const { refusal } = await call(
      procedure,
      callers.get('sales'),
      await inputOf(procedure, ours, mate),
    );
    expect(refusal).toBe(matrix[procedure]?.mate);
  },
);

const changes = walked.filter((procedure) => changeNamed(procedure));

test('the changes that a browser makes are procedures', () => {
  expect(changes.length).toBeGreaterThan(30);
});

test.each(changes)(
  '%s does nothing for somebody who is not any more who he was',
  async (procedure) => {
    const input = await inputOf(procedure, ours, ours.owner);
    const before = await ours.checksum();
    const proof = { isGiven: false, check: () => Promise.reject(new Outdated()) };
    await expect(call(procedure, ours.owner, input, proof)).rejects.toMatchObject({
      cause: expect.any(Outdated) as Outdated,
    });
    expect(await ours.checksum()).toBe(before);
  },
);

/** What is restored was deleted first. */
async function inputOf(procedure: string, place: Place, { memberId }: Somebody): Promise<unknown> {
  const [entity, verb] = procedure.split('.');
  if (verb === 'restore') {
    const isDeal = entity !== 'customers';
    const id = isDeal ? await place.make.deal(memberId) : await place.make.customer(memberId);
    await database.owner.db
      .deleteFrom(isDeal ? 'deals' : 'customers')
      .where('id', '=', id)
      .execute();
    return entity === 'trash' ? { entity: 'deals', id } : { id };
  }
  return fixtures[procedure]?.(place, memberId);
}

async function call(
  procedure: string,
  who: Somebody | undefined,
  input: unknown,
  proof?: Proof,
): Promise<{ refusal: string | undefined; text: string }> {
  const identity = who && { userId: who.userId, via: 'session' as const };
  const member = who && identity && (await findMember(app, identity, who.organizationId));
  const context = {
    app,
    requestId: 'test',
    ip: '198.51.100.7',
    identity,
    member,
    mutationId: undefined,
    proof,
  };
  const [entity = '', verb = ''] = procedure.split('.');
  const calls = appRouter.createCaller(context) as unknown as Record<
    string,
    Record<string, (input: unknown) => Promise<unknown>>
  >;
  try {
    return { refusal: undefined, text: JSON.stringify(await calls[entity]?.[verb]?.(input)) ?? '' };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (!(cause instanceof Error && 'code' in cause && 'details' in cause)) throw error;
    const { code, details } = cause as Error & {
      code: string;
      details: { reason?: string; fields?: { field: string; rule: string }[] };
    };
    const told =
      details.reason ?? details.fields?.map(({ field, rule }) => `${field} ${rule}`).join(', ');
    return {
      refusal: [code, told].filter(Boolean).join(': '),
      text: JSON.stringify([code, details]),
    };
  }
}

type Path = (string | number)[];

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function idsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return uuid.test(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, held]) => idsIn(held, [...path, key]));
}

const at = (value: unknown, path: Path): string =>
  String(path.reduce<unknown>((held, key) => (held as Record<string, unknown>)[key], value));

function placed(value: unknown, [key, ...rest]: Path, id: string): unknown {
  if (key === undefined) return id;
  const held = (value as Record<string, unknown>)[key];
  if (Array.isArray(value))
    return value.map((one, index) =>
      String(index) === String(key) ? placed(held, rest, id) : (one as unknown),
    );
  return { ...(value as object), [key]: placed(held, rest, id) };
}
