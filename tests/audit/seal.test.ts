import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { erasePerson } from '#server/audit/erase.ts';
import { expireActs } from '#server/audit/expiry.ts';
import { auditKey, type AuditKey } from '#server/audit/key.ts';
import { sealHistory } from '#server/audit/seal.ts';
import { verifyAudit } from '#server/audit/verify.ts';
import { readBatch } from '#server/readers/batch.ts';
import { history } from '#server/readers/history.ts';
import { newCustomer, newDeal, startTeam } from '#tests/features/team.ts';

interface Sealed extends AsyncDisposable {
  organizationId: string;
  customerId: string;
  key: AuditKey;
  heads: string;
  sql(statement: string): Promise<unknown[]>;
  /** Changes the customer, reads and seals. */
  work(name: string): Promise<void>;
  seal(by?: AuditKey): Promise<void>;
  findings(): Promise<string[]>;
  erase(): Promise<number>;
  /** Lets go of the acts that are older than so many days. */
  expire(keepDays: number): Promise<number>;
  /** As the owner sees the audit, by what each entry is. */
  acts(): Promise<string[]>;
}

/** An organization with some history, sealed in two links. */
async function sealed(): Promise<Sealed> {
  const team = await startTeam();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-audit-'));
  const heads = path.join(dataDir, 'heads.jsonl');
  const key = auditKey({ auditKey: undefined, dataDir });
  const owner = team.database.owner.pool;
  const { organizationId } = team.owner;
  const { signal } = new AbortController();
  const calls = await team.as(team.owner);
  const customer = await newCustomer(calls, { name: 'Maria Secret', email: 'maria@secret.test' });
  await newDeal(calls, await team.board(), { title: 'A boat', customerId: customer.id });
  const seal = async (by = key) => {
    while ((await readBatch(team.app.pool, { reader: history, organizationId })).state !== 'done');
    await sealHistory({ owner, key: by, heads, signal });
  };
  const work = async (name: string) => {
    await calls.customers.update({ id: customer.id, name });
    await seal();
  };
  await seal();
  await work('Maria Second');
  return {
    organizationId,
    customerId: customer.id,
    key,
    heads,
    seal,
    work,
    sql: async (statement) => (await owner.query(statement)).rows as unknown[],
    findings: async () =>
      (await verifyAudit({ owner, key, heads })).flatMap((verdict) => verdict.findings),
    erase: () =>
      erasePerson(owner, {
        organizationId,
        key,
        whom: { entity: 'customers', id: customer.id },
      }),
    expire: async (keepDays) => (await expireActs({ owner, key, keepDays, signal })).acts,
    acts: async () =>
      (await calls.audit.list({ entity: 'auditEvents' })).entries.map(({ action }) => action),
    async [Symbol.asyncDispose]() {
      await team.database.drop();
      await rm(dataDir, { recursive: true });
    },
  };
}

test('an untouched history is found whole, sealed and not sealed yet', async () => {
  await using one = await sealed();
  expect(await one.findings()).toEqual([]);
  expect(await one.sql('select from sync.seals')).toHaveLength(2);
  await one.work('Maria Third');
  expect(await one.sql('select from sync.seals')).toHaveLength(3);
  await one.seal();
  expect(await one.sql('select from sync.seals')).toHaveLength(3);
  expect(await one.findings()).toEqual([]);
  expect((await readFile(one.heads, 'utf8')).trim().split('\n')).toHaveLength(3);
});

const name = `entity = 'customers' and op = 'U'`;

test.each([
  [
    'a value',
    `update sync.history set changes = '{"name": ["a", "b"]}' where ${name}`,
    'values were changed',
  ],
  ['a title', `update sync.history set title = 'Somebody' where ${name}`, 'values were changed'],
  ['who did it', `update sync.history set actor = 'somebody' where ${name}`, 'changed'],
  ['when it was', `update sync.history set at = at - interval '1 second' where ${name}`, 'changed'],
  ['who may see it', `update sync.history set keys = '{}' where ${name}`, 'changed'],
  [
    'a value with its digest',
    `update sync.history set title = 'X', digest = sha256(salt || convert_to(jsonb_build_array('X', changes)::text, 'UTF8')) where ${name}`,
    'changed',
  ],
  ['that there was one', `delete from sync.history where ${name}`, '1 missing'],
  [
    'that there was none',
    `insert into sync.history select (jsonb_populate_record(h, '{"ord": 1}')).* from sync.history h where ${name}`,
    '1 too many',
  ],
  [
    'how many were sealed',
    `update sync.seals set hash = previous where from_pos = 1`,
    'not signed',
  ],
  [
    'the bounds of a seal',
    `update sync.seals set from_pos = from_pos + 1 where from_pos > 1`,
    'does not follow',
  ],
  ['the first seal', `delete from sync.seals where from_pos = 1`, 'is gone'],
  [
    'the end of all',
    `delete from sync.history h using sync.seals s where s.from_pos > 1 and h.pos >= s.from_pos;
     delete from sync.seals where from_pos > 1`,
    'is gone',
  ],
  [
    'values that are gone',
    `update sync.history set title = null, changes = null, salt = null where ${name}`,
    'no signed erasure',
  ],
])('who changes %s by hand is found out', async (_, statement, finding) => {
  await using one = await sealed();
  await one.sql(statement);
  expect((await one.findings()).join('\n')).toContain(finding);
});

test('the whole chain made anew, without the key, is found out', async () => {
  await using one = await sealed();
  await one.sql(`delete from sync.seals`);
  await one.sql(`update sync.history set actor = 'nobody' where ${name}`);
  await rm(one.heads);
  await one.seal(auditKey({ auditKey: Buffer.alloc(32, 7).toString('base64url'), dataDir: '' }));
  const findings = (await one.findings()).join('\n');
  expect(findings).toContain('the seal up to');
  expect(findings).toContain('is not signed by the key');
});

test('a person is erased everywhere, and the seal holds', async () => {
  await using one = await sealed();
  expect(await one.erase()).toBeGreaterThanOrEqual(3);
  await one.seal();
  expect(await one.findings()).toEqual([]);
  for (const table of [
    'sync.history',
    'sync.change_log',
    'sync.subjects',
    'sync.mutations',
    'crm.customers',
    'crm.customer_search',
    'crm.deals',
    'sync.audit_events',
  ]) {
    const rows = await one.sql(`select from ${table} t where t::text ilike '%maria%'`);
    expect([table, rows.length]).toEqual([table, 0]);
  }
  // Named is what was erased, and no more.
  await one.work('Petra');
  await one.sql(
    `update sync.history set title = null, changes = null, salt = null where title = 'Petra'`,
  );
  expect((await one.findings()).join('\n')).toContain('no signed erasure');
});

test('a member is erased with the account, and what the member did stays', async () => {
  await using team = await startTeam();
  const { organizationId } = team.owner;
  const owner = team.database.owner.pool;
  const seller = await team.join('sales');
  await owner.query(`update crm.members set name = 'Ulrich' where id = $1`, [seller.memberId]);
  await newCustomer(await team.as(seller), { name: 'A customer' });
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-audit-'));
  try {
    const key = auditKey({ auditKey: undefined, dataDir });
    const heads = path.join(dataDir, 'heads.jsonl');
    const { signal } = new AbortController();
    const seal = async () => {
      while (
        (await readBatch(team.app.pool, { reader: history, organizationId })).state !== 'done'
      );
      await sealHistory({ owner, key, heads, signal });
    };
    await seal();
    const whom = { entity: 'members', id: seller.memberId } as const;
    expect(await erasePerson(owner, { organizationId, key, whom })).toBeGreaterThan(0);
    await seal();
    const [verdict] = await verifyAudit({ owner, key, heads });
    expect(verdict?.findings).toEqual([]);
    for (const table of ['sync.history', 'sync.change_log', 'sync.subjects', 'crm.members'])
      expect([
        table,
        (await owner.query(`select from ${table} t where t::text like '%Ulrich%'`)).rowCount,
      ]).toEqual([table, 0]);
    const { rows } = await owner.query(
      `select name, is_active as "isActive", password_hash as hash from platform.users where id = $1`,
      [seller.userId],
    );
    expect(rows).toEqual([{ name: 'Erased', isActive: false, hash: null }]);
    const { entries } = await (await team.as(team.owner)).audit.list({ actor: seller.memberId });
    expect(entries.map(({ action, entity }) => [action, entity])).toEqual([
      ['created', 'customers'],
    ]);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

test('an erasure that somebody without the key has written down names nothing', async () => {
  await using one = await sealed();
  const about = {
    records: [{ entity: 'customers', id: one.customerId, toPos: 1e9 }],
    signature: 'aa',
  };
  await one.sql(
    `begin; select set_config('app.organization_id', '${one.organizationId}', true);
     insert into sync.audit_events (organization_id, kind, about)
       values ('${one.organizationId}', 'erased', '${JSON.stringify(about)}'); commit`,
  );
  await one.seal();
  await one.sql(`update sync.history set title = null, changes = null, salt = null where ${name}`);
  expect((await one.findings()).join('\n')).toContain('no signed erasure');
});

test('the application can neither write a seal nor change what is past', async () => {
  await using team = await startTeam();
  const ask = (statement: string) => team.app.pool.query(statement);
  for (const statement of [
    'update sync.history set title = null',
    'delete from sync.history',
    'update sync.audit_events set kind = kind',
    'delete from sync.audit_events',
    'insert into sync.seals default values',
    'update sync.seals set hash = hash',
    'delete from sync.seals',
  ])
    await expect(ask(statement), statement).rejects.toThrow('permission denied');
});

const act = (organizationId: string, ip: string) =>
  `begin; select set_config('app.organization_id', '${organizationId}', true);
   insert into sync.audit_events (organization_id, kind, ip) values ('${organizationId}', 'signedIn', '${ip}'); commit`;

test('old acts are let go, the seal holds, and what is newer is still told', async () => {
  await using one = await sealed();
  await one.sql(act(one.organizationId, '203.0.113.7'));
  await one.seal();
  await one.erase();
  await one.seal();
  expect(await one.expire(1)).toBe(0);
  expect(await one.expire(0)).toBe(1);
  await one.sql(act(one.organizationId, '203.0.113.8'));
  await one.seal();
  expect(await one.findings()).toEqual([]);
  expect(await one.acts()).toEqual(['signedIn', 'actsExpired', 'erased', 'expired']);
  for (const table of ['sync.history', 'sync.audit_events', 'sync.subjects'])
    expect([
      table,
      (await one.sql(`select from ${table} t where t::text like '%203.0.113.7%'`)).length,
    ]).toEqual([table, 0]);
  expect(await one.expire(0)).toBe(1);
  await one.seal();
  expect(await one.findings()).toEqual([]);
});

test('an act that is blanked or taken away before its time is found', async () => {
  await using one = await sealed();
  await one.sql(act(one.organizationId, '203.0.113.7'));
  await one.seal();
  await one.expire(0);
  await one.sql(act(one.organizationId, '203.0.113.8'));
  await one.seal();
  const own = `entity = 'auditEvents' and changes -> 'ip' ->> 1 = '203.0.113.8'`;
  const about = { before: '9999', signature: 'aa' };
  await one.sql(
    `begin; select set_config('app.organization_id', '${one.organizationId}', true);
     insert into sync.audit_events (organization_id, kind, about)
       values ('${one.organizationId}', 'actsExpired', '${JSON.stringify(about)}'); commit`,
  );
  await one.seal();
  await one.sql(`update sync.history set title = null, changes = null, salt = null where ${own}`);
  expect((await one.findings()).join('\n')).toContain('no signed erasure');
  // In psql an act is deleted as anything else is: the log tells of it.
  await one.sql(
    `begin; select set_config('app.organization_id', '${one.organizationId}', true);
     delete from sync.audit_events where ip = '203.0.113.8'; commit`,
  );
  await one.seal();
  expect(
    await one.sql(`select from sync.history where entity = 'auditEvents' and op = 'D'`),
  ).toHaveLength(1);
});

test('what was let go or erased just now is known before the history tells of it', async () => {
  await using one = await sealed();
  await one.sql(act(one.organizationId, '203.0.113.7'));
  await one.seal();
  expect(await one.expire(0)).toBe(1);
  expect(await one.erase()).toBeGreaterThan(0);
  expect(await one.findings()).toEqual([]);
});

test('an act is not let go before its time by a time that is changed and put back', async () => {
  await using one = await sealed();
  await one.sql(act(one.organizationId, '203.0.113.7'));
  await one.seal();
  const set = (how: string) =>
    one.sql(
      `update sync.history set at = at ${how} interval '3 years' where entity = 'auditEvents'`,
    );
  await set('-');
  expect(await one.expire(730)).toBe(1);
  await set('+');
  await one.seal();
  expect((await one.findings()).join('\n')).toContain('no signed erasure');
});

test('an act of letting go that says nothing ends no check', async () => {
  await using one = await sealed();
  await one.sql(
    `begin; select set_config('app.organization_id', '${one.organizationId}', true);
     insert into sync.audit_events (organization_id, kind) values ('${one.organizationId}', 'actsExpired'),
       ('${one.organizationId}', 'erased'); commit`,
  );
  await one.seal();
  expect(await one.findings()).toEqual([]);
});
