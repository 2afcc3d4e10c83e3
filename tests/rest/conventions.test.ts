import { afterAll, beforeAll, expect, test } from 'vitest';
import { newOwner, startApi, type Answer, type Api, type Caller } from './api.ts';

let api: Api;
let call: Caller;
let stranger: Caller;
beforeAll(async () => {
  api = await startApi();
  call = await api.as(await newOwner(api.app));
  stranger = await api.as(await newOwner(api.app, 'Bob'));
});
afterAll(() => api[Symbol.asyncDispose]());

const newCustomer = async (fields: object = {}) =>
  (await call('POST', '/api/v1/customers', { name: 'Acme', ...fields })).body.data;

test('every path answers with and without v1, with and without a slash at its end', async () => {
  for (const path of [
    '/api/v1/customers',
    '/api/v1/customers/',
    '/api/customers',
    '/api/customers/',
    '/api/v1/crm/customers',
  ]) {
    expect((await call('GET', path)).status, path).toBe(200);
  }
  expect((await call('GET', '/api/v1/crm/deals')).status).toBe(404);
});

test('a record and a list have the shapes that partners know', async () => {
  const made = await call('POST', '/api/v1/crm/customers', {
    name: 'Acme',
    type: 'business',
    address: { street: 'Main 1', postalCode: '101000' },
  });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    message: 'Customer created',
    data: {
      code: 'C001',
      status: 'lead',
      type: 'business',
      address: { street: 'Main 1', postalCode: '101000', city: null },
    },
  });
  const list = await call(
    'GET',
    '/api/v1/crm/customers?page=1&perPage=20&status=lead&type=business',
  );
  expect(list.body.meta).toMatchObject({ total: 1, page: 1, perPage: 20, totalPages: 1 });
  expect(list.body.data[0]).toEqual(made.body.data);
  const stats = await call('GET', '/api/customers/stats/');
  expect(stats.body).toMatchObject({
    total: 1,
    active: 0,
    inactive: 0,
    by_type: { individual: 0, business: 1 },
  });
  const deleted = await call('DELETE', `/api/v1/crm/customers/${made.body.data.id}`);
  expect(deleted.body).toEqual({
    data: { message: 'Customer deleted', relatedRecordsDeleted: { salesOrders: 0 } },
    message: 'Customer deleted',
  });
});

test('names may come in either case and money as decimals of a currency', async () => {
  const customer = await newCustomer({ customer_type: 'business', company_name: 'Acme Inc' });
  expect(customer).toMatchObject({ type: 'business', company: 'Acme Inc' });
  const deal = await call('POST', '/api/deals/', {
    title: 'Boots',
    customer: customer.id,
    value: { amount: '1200.50', currency: 'RUB' },
    expected_close_date: '2026-12-24',
  });
  expect(deal.body.data).toMatchObject({
    value: { amount: '1200.50', currency: 'RUB' },
    expectedRevenue: { amount: '120.05', currency: 'RUB' },
    expectedCloseOn: '2026-12-24',
    customerId: customer.id,
  });
  const { id } = deal.body.data;
  const cheaper = await call('PATCH', `/api/deals/${id}`, { value: '99.9' });
  expect(cheaper.body.data.value).toEqual({ amount: '99.90', currency: 'RUB' });
  const yen = await call('POST', '/api/deals', { title: 'Tea', value: '1200', currency: 'JPY' });
  expect(yen.body.data.value).toEqual({ amount: '1200', currency: 'JPY' });
  for (const value of [
    '12.345',
    -1,
    'NaN',
    '1e3',
    1e308,
    {},
    { amount: '1' },
    [],
    '9'.repeat(17),
  ]) {
    expect((await call('PATCH', `/api/deals/${id}`, { value })).status, JSON.stringify(value)).toBe(
      400,
    );
  }
  const other = await call('POST', `/api/deals/${id}/mark_won`, {
    value: { amount: '1', currency: 'EUR' },
  });
  expect(other.body.errors).toMatchObject([{ field: 'value.currency' }]);
});

test('what is unknown is refused by the name it was sent under', async () => {
  const named = async (path: string) => {
    const { status, body } = await call('GET', path);
    return [status, body.errors.map(({ field }: { field: string }) => field)];
  };
  expect(await named('/api/v1/customers?favourite_colour=red')).toEqual([
    400,
    ['favourite_colour'],
  ]);
  expect(await named('/api/v1/customers?page_size=1000')).toEqual([400, ['page_size']]);
  expect(await named('/api/v1/customers?page=0&perPage=x')).toEqual([400, ['page', 'perPage']]);
  expect(await named('/api/v1/deals?status=sold')).toEqual([400, ['status']]);
  expect(await named('/api/v1/customers?status=lead&status=active')).toEqual([400, ['status']]);
  const ordering = await call('GET', '/api/v1/customers?ordering=-created_at,password_hash');
  expect(ordering.body).toMatchObject({
    status: 400,
    errors: [{ field: 'ordering', message: 'cannot order by password_hash' }],
  });
  expect((await call('GET', '/api/v1/customers?ordering=-created_at,name')).status).toBe(200);
});

test('refusals are problem+json, whatever refused', async () => {
  const nobody = await api.as();
  const refused: [number, string, Promise<Answer>][] = [
    [400, 'BAD_INPUT', call('POST', '/api/v1/customers', '{"name":')],
    [400, 'BAD_INPUT', call('POST', '/api/v1/customers', [])],
    [400, 'BAD_INPUT', call('POST', '/api/v1/customers', '['.repeat(90_000))],
    [
      400,
      'BAD_INPUT',
      call('POST', '/api/v1/customers', `{"name":${'[{"a":'.repeat(2_000)}1${'}]'.repeat(2_000)}}`),
    ],
    [401, 'UNAUTHENTICATED', nobody('GET', '/api/v1/customers')],
    [
      401,
      'UNAUTHENTICATED',
      nobody('GET', '/api/v1/customers', undefined, { authorization: 'Bearer x.y.z' }),
    ],
    [404, 'NOT_FOUND', call('GET', '/api/v1/nothing')],
    [404, 'NOT_FOUND', call('GET', '/api/v1/customers/%E0%A4%A')],
    [404, 'NOT_FOUND', call('GET', '/api/v1/customers/1')],
    [405, 'METHOD_NOT_ALLOWED', call('DELETE', '/api/v1/customers')],
    [406, 'NOT_ACCEPTABLE', call('GET', '/api/v1/customers', undefined, { accept: 'text/csv' })],
    [413, 'TOO_LARGE', call('POST', '/api/v1/customers', { name: 'x'.repeat(1_100_000) })],
    [
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      call('POST', '/api/v1/customers', '<a/>', { 'content-type': 'application/xml' }),
    ],
    [
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      call('POST', '/api/v1/customers', '{}', { 'content-encoding': 'gzip' }),
    ],
  ];
  for (const [status, code, answered] of refused) {
    const answer = await answered;
    expect([answer.status, answer.body.status, answer.body.code]).toEqual([status, status, code]);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toHaveProperty('title');
    expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
  }
  const { headers } = await call('DELETE', '/api/v1/customers');
  expect(headers.get('allow')).toBe('GET, POST, HEAD, OPTIONS');
  expect((await nobody('OPTIONS', '/api/v1/customers')).headers.get('allow')).toBe(
    'GET, POST, HEAD, OPTIONS',
  );
});

test('a record of another organization is answered like one that never was', async () => {
  const { id } = await newCustomer();
  const never = '01a1f952-0000-7000-8000-000000000000';
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PATCH', '', { name: 'Mine' }],
    ['DELETE', '', undefined],
    ['POST', '/activate', {}],
  ] as const) {
    const [there, nowhere] = await Promise.all(
      [id, never].map((one) =>
        stranger(method, `/api/v1/customers/${one}${path}`, body, { 'if-match': '"1"' }),
      ),
    );
    const bare = (answer: Answer | undefined) => [
      answer?.status,
      { ...answer?.body, instance: '', requestId: '' },
    ];
    expect(bare(there)).toEqual(bare(nowhere));
    expect(there?.status).toBe(404);
  }
});

test('an unchanged record is 304, and a stale write 412', async () => {
  const { id } = await newCustomer();
  const path = `/api/v1/customers/${id}`;
  const read = await call('GET', path);
  const etag = read.headers.get('etag') ?? '';
  expect(etag).toBe(`"${read.body.data.rev}"`);
  expect((await call('GET', path, undefined, { 'if-none-match': `"1", W/${etag}` })).status).toBe(
    304,
  );
  expect((await call('HEAD', path)).headers.get('etag')).toBe(etag);
  const written = await call('PATCH', path, { name: 'Once' }, { 'if-match': etag });
  expect(written.status).toBe(200);
  expect((await call('PATCH', path, { name: 'Twice' }, { 'if-match': etag })).status).toBe(412);
  expect(
    (await call('DELETE', path, undefined, { 'if-match': `W/${written.headers.get('etag')}` }))
      .status,
  ).toBe(412);
  expect((await call('DELETE', path, undefined, { 'if-match': '*' })).status).toBe(200);
});

test('of a hundred writers of one revision one is heard', async () => {
  const { id, rev } = await newCustomer();
  const tries = Array.from({ length: 100 }, (_, at) =>
    call('PATCH', `/api/v1/customers/${id}`, { name: `Writer ${at}` }, { 'if-match': `"${rev}"` }),
  );
  const statuses = (await Promise.all(tries)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 412)).toHaveLength(99);
});

test('a POST with a key has its effect once, however often and at once it is sent', async () => {
  const key = { 'idempotency-key': '"order-1"' };
  const send = () => call('POST', '/api/v1/customers', { name: 'Once only' }, key);
  const answers = await Promise.all(Array.from({ length: 30 }, send));
  const kinds = new Set(answers.map(({ status }) => status));
  expect([...kinds].every((status) => status === 201 || status === 409)).toBe(true);
  const again = await send();
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.data.id);
  expect(new Set([...made, again.body.data.id]).size).toBe(1);
  expect((await call('GET', '/api/v1/customers?search=once+only')).body.meta.total).toBe(1);
  const other = await call('POST', '/api/v1/customers', { name: 'Another' }, key);
  expect([other.status, other.body.code]).toEqual([422, 'REUSED_KEY']);
  const elsewhere = await stranger('POST', '/api/v1/customers', { name: 'Another' }, key);
  expect(elsewhere.status).toBe(201);
});

test('a key that is still at work is 409', async () => {
  const { pool } = api.database.owner;
  const client = await pool.connect();
  await client.query('begin; lock table crm.customers in access exclusive mode');
  const first = call('POST', '/api/v1/customers', { name: 'Slow' }, { 'idempotency-key': 'slow' });
  await expect
    .poll(
      async () =>
        (await pool.query("select from pg_locks where locktype = 'advisory' and granted")).rows
          .length,
    )
    .toBeGreaterThan(0);
  const second = await call(
    'POST',
    '/api/v1/customers',
    { name: 'Slow' },
    { 'idempotency-key': 'slow' },
  );
  expect([second.status, second.body.reason]).toEqual([409, 'stillRunning']);
  await client.query('commit');
  client.release();
  expect((await first).status).toBe(201);
});

test('names that mean something to JavaScript are no data', async () => {
  for (const text of [
    '{"name":"x","__proto__":{"polluted":1}}',
    '{"name":"x","address":{"__proto__":{"polluted":1}}}',
    '{"name":"x","constructor":{"prototype":{"polluted":1}}}',
  ]) {
    expect((await call('POST', '/api/v1/customers', text)).status).toBe(400);
  }
  expect((await call('GET', '/api/v1/customers?__proto__=1&constructor=2')).status).toBe(400);
  expect({}).not.toHaveProperty('polluted');
});

test('pages of another origin may read only when it is on the list', async () => {
  await using open = await startApi({ origins: ['https://partner.example'] });
  const allowed = async (origin: string) =>
    (await (await open.as())('GET', '/api/v1/customers', undefined, { origin })).headers.get(
      'access-control-allow-origin',
    );
  expect(await allowed('https://partner.example')).toBe('https://partner.example');
  expect(await allowed('https://partner.example.evil.example')).toBeNull();
  expect(await allowed('null')).toBeNull();
});

test('requests are counted, and the one too many is told when to come back', async () => {
  await using small = await startApi({ requestsPerMinute: 3 });
  const caller = await small.as(await newOwner(small.app, 'Cid'));
  const answers: Answer[] = [];
  for (let at = 0; at < 4; at += 1) answers.push(await caller('GET', '/api/v1/customers'));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
  expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"default";q=3;w=60');
  expect(answers.map(({ headers }) => headers.get('ratelimit')?.split(';t=')[0])).toEqual([
    '"default";r=2',
    '"default";r=1',
    '"default";r=0',
    '"default";r=0',
  ]);
  expect(Number(answers[3]?.headers.get('retry-after'))).toBeGreaterThan(0);
});

test('the document names every operation, and its page runs nothing from elsewhere', async () => {
  const nobody = await api.as();
  const { body, status } = await nobody('GET', '/api/v1/openapi.json');
  expect(status).toBe(200);
  expect(body.openapi).toBe('3.1.0');
  for (const path of [
    '/customers',
    '/customers/{id}',
    '/deals/{id}/move_stage',
    '/opportunities',
    '/pipelines/{id}/set_default',
    '/token',
    '/users/me',
  ]) {
    expect(body.paths, path).toHaveProperty([path]);
  }
  const page = await nobody('GET', '/api/v1/docs');
  expect(page.headers.get('content-security-policy')).toMatch(
    /default-src 'none'; script-src 'self'/,
  );
  expect(page.text).not.toMatch(/https?:\/\//);
  expect((await nobody('GET', '/api/v1/docs/page.js')).headers.get('content-type')).toMatch(
    /javascript/,
  );
});
