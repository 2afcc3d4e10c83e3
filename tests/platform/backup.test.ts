import { randomUUID } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { backup } from '#db/backup.ts';
import { restore, RestoreRefused } from '#db/restore.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

const AWKWARD = 'a\ttab, a \\backslash, a\nnew line, \\. and \\N, a U+2028 \u2028, Ёлка, 🙂';

test('a restored database has the same rows, and goes on with positions, versions and codes', async () => {
  await using one = await freshDatabase();
  const id = await fill(one);
  const file = await backedUp(one);
  await using two = await freshDatabase();
  expect(await restore({ url: two.url, from: Readable.from([file]) })).toMatchObject({
    'crm.customers': 3,
    'sync.change_log': 4,
    'sync.change_tx': 4,
  });
  expect(await everyRow(two)).toEqual(await everyRow(one));

  await addCustomer(two, id, 'After');
  const { rows } = await two.owner.pool.query(
    `select code, rev, (select pos from sync.org_clock) as pos from crm.customers where name = 'After'`,
  );
  const { rows: before } = await one.owner.pool.query('select max(rev) as rev from crm.customers');
  expect(rows[0]).toMatchObject({ code: 'C004', pos: 5 });
  expect(Number(rows[0]?.rev)).toBeGreaterThan(Number(before[0]?.rev));
});

test('a restore begins a new epoch, and no old transaction looks like one still to come', async () => {
  await using one = await freshDatabase();
  await fill(one);
  await using two = await freshDatabase();
  await restore({ url: two.url, from: Readable.from([await backedUp(one)]) });
  const epoch = async ({ db }: TestDatabase) =>
    await db.selectFrom('sync.state').select('epoch').execute();
  expect(await epoch(two)).not.toEqual(await epoch(one));
  const { rows } = await two.owner.pool.query(
    'select count(*)::int as n from sync.change_tx where xid >= pg_snapshot_xmin(pg_current_snapshot())',
  );
  expect(rows).toEqual([{ n: 0 }]);
});

test('a backup that was cut off or changed is refused, and nothing of it stays', async () => {
  await using one = await freshDatabase();
  await fill(one);
  const file = await backedUp(one);
  const text = gunzipSync(file).toString();
  const broken = {
    'cut off': file.subarray(0, file.length - 40),
    'without its end': gzipSync(text.slice(0, text.lastIndexOf('\n{'))),
    'with a row less': gzipSync(text.replace(/^.*\tBefore\t.*\n/m, '')),
    'of something else': gzipSync('{"format":"other"}\n'),
    'no gzip': Buffer.from('hello'),
    'with a table not ours': gzipSync(text.replaceAll('crm.customers', 'pg_catalog.pg_class')),
  };
  await using two = await freshDatabase();
  for (const [kind, bytes] of Object.entries(broken)) {
    const attempt = restore({ url: two.url, from: Readable.from([bytes]) });
    await expect(attempt, kind).rejects.toBeInstanceOf(RestoreRefused);
  }
  expect(await everyRow(two)).toEqual([]);
});

test('a database with rows in it is not written over', async () => {
  await using one = await freshDatabase();
  await fill(one);
  const attempt = restore({ url: one.url, from: Readable.from([await backedUp(one)]) });
  await expect(attempt).rejects.toThrow('The database is not empty');
});

async function fill({ owner }: TestDatabase): Promise<string> {
  const id = randomUUID();
  await owner.db
    .insertInto('organizations')
    .values({ organizationId: id, id, slug: 'north', name: 'North', currency: 'EUR' })
    .execute();
  for (const name of ['Before', AWKWARD, 'Third']) await addCustomer({ owner }, id, name);
  return id;
}

async function addCustomer(
  { owner }: Pick<TestDatabase, 'owner'>,
  organizationId: string,
  name: string,
) {
  await owner.db
    .insertInto('customers')
    .values({
      organizationId,
      name,
      code: '',
      tags: ['x"y', 'z,{}'],
      custom: { note: name, n: 1.5 },
    })
    .execute();
}

async function backedUp({ url }: TestDatabase): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const to = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  await backup({ url, to });
  return Buffer.concat(chunks);
}

async function everyRow({ owner }: TestDatabase): Promise<unknown[]> {
  const { rows } = await owner.pool.query(`
    select to_jsonb(o) from crm.organizations o
    union all select to_jsonb(c) from crm.customers c
    union all select to_jsonb(c) from crm.counters c
    union all select to_jsonb(l) - 'xid' from sync.change_log l
    union all select to_jsonb(t) - 'xid' from sync.change_tx t
    order by 1`);
  return rows;
}
