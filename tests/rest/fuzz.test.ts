import { expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { operations } from '#server/rest/adapter.ts';
import type { JsonSchema, Operation } from '#server/rest/operations.ts';
import { makePlace } from '#tests/access/place.ts';
import { startApi } from './api.ts';

const rounds = 12;
/** Of a failure that is to be seen again. */
const replay: number | undefined = undefined;
const seed = replay ?? Math.floor(Math.random() * 2 ** 31);

/** mulberry32: the same numbers for the same seed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomFrom(seed);
const oneOf = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

const nasty: unknown[] = [
  null,
  true,
  '',
  ' ',
  'a\0b',
  '\ud800',
  '\u202e',
  "'; drop table deals; --",
  '%',
  '_',
  '\\',
  '{}',
  'NaN',
  '-0',
  -1,
  0,
  1e308,
  2 ** 53,
  1.5,
  '2026-02-30',
  '0000-00-00',
  '9999-12-31',
  '10000-01-01',
  'infinity',
  '99999999999999999999',
  [],
  [[]],
  {},
  { amount: '1' },
  { amount: '1.00', currency: 'USD' },
  { amount: 1e21, currency: 'zzz' },
  'x'.repeat(10_001),
  '👩‍👩‍👧',
  'İ',
  '2026-11-20T25:61:00Z',
  '$1',
  '${1}',
  'C001',
  { constructor: { prototype: {} } },
  '-created_at',
  'name,name,name',
  'id',
  'W10',
  'ё',
  '0x10',
  '1e3',
  '00000000-0000-0000-0000-000000000000',
];

function valueFor(schema: JsonSchema, ids: string[]): unknown {
  if (random() < 0.3) return oneOf(nasty);
  const { type, anyOf = [] } = schema;
  if (anyOf.length > 0) return valueFor(oneOf(anyOf), ids);
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum'] as unknown[]);
  if (schema['format'] === 'uuid') return random() < 0.8 ? oneOf(ids) : newId();
  if (schema['format'] === 'date') return oneOf(['2026-11-20', '2024-02-29', '0001-01-01']);
  if (type === 'integer' || type === 'number') return Math.floor(random() * 120) - 10;
  if (type === 'boolean') return random() < 0.5;
  if (type === 'array') return [oneOf(ids)];
  return oneOf(['USD', 'a0', 'Some words', '12.50', 'x']);
}

function requestOf({ route, input }: Operation, ids: string[]): { path: string; body: unknown } {
  const fields = Object.entries(input.properties ?? {}).filter(
    ([name]) => (input.required?.includes(name) ?? false) || random() < 0.5,
  );
  const values = Object.fromEntries(fields.map(([name, schema]) => [name, valueFor(schema, ids)]));
  const strange =
    random() < 0.2
      ? { [oneOf(['__proto__x', 'limit', 'page_size', 'Foo', 'organizationId'])]: oneOf(nasty) }
      : {};
  const path = route.path.replace(
    '{id}',
    encodeURIComponent(random() < 0.9 ? oneOf(ids) : String(oneOf(nasty)).toWellFormed()),
  );
  const hasBody = route.method !== 'GET' && route.method !== 'DELETE';
  if (hasBody) return { path, body: { ...values, ...strange } };
  const query = new URLSearchParams(
    Object.entries({ ...values, ...strange }).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  return { path: `${path}?${query}`, body: undefined };
}

test(`whatever is sent, nothing breaks and every refusal is a problem (seed ${seed})`, async () => {
  await using api = await startApi();
  const place = await makePlace(api, 'Fuzzed');
  const call = await api.as(place.owner);
  const { make, owner, pipelineId, lostReasonId, stage } = place;
  const dealId = await make.deal(owner.memberId);
  const ids = [
    dealId,
    pipelineId,
    lostReasonId,
    stage('open'),
    stage('won'),
    stage('lost'),
    owner.memberId,
    place.organizationId,
    await make.customer(owner.memberId),
    await make.activity(owner.memberId),
    await make.product(),
    await make.line(dealId),
    await make.team(),
  ];
  const tried = operations.filter(({ procedure }) => !procedure.startsWith('auth.'));
  const statuses = new Map<number, number>();
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(
      tried.map(async (operation) => {
        const { path, body } = requestOf(operation, ids);
        const told = `${operation.route.method} ${path} ${JSON.stringify(body)}`;
        const { status, headers, text } = await call(
          operation.route.method,
          `/api/v1${path}`,
          body,
        );
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        expect(status, `${told} -> ${text}`).toBeLessThan(500);
        expect(headers.get('content-type'), told).toMatch(
          status < 400 ? /^application\/json/ : /^application\/problem\+json/,
        );
        expect(text, told).not.toMatch(/syntax error|violates|pg_|at \/|node:|constraint "/);
      }),
    );
  }
  // The fuzz is worth something only while it gets past the first check, too.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(50);
  expect(statuses.get(400) ?? 0).toBeGreaterThan(50);
  expect({}).not.toHaveProperty('prototype');
}, 120_000);
