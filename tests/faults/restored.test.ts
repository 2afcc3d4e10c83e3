import { Readable, Writable } from 'node:stream';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { backup } from '#db/backup.ts';
import { restore } from '#db/restore.ts';
import { createCustomer } from '#lib/shared/customers.ts';
import { updateDeal } from '#lib/shared/deals.ts';
import { newId } from '#lib/shared/ids.ts';
import { createDatabase } from '#tests/support/database.ts';
import { until } from '#tests/support/person.ts';
import { startScene } from './screens.ts';

async function backedUp(url: string): Promise<Buffer> {
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

/** Puts the database of a server that does not run back to how it was. */
async function goBack(url: string, file: Buffer): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const client = new pg.Client(inject('postgresUrl'));
  await client.connect();
  await client.query(`drop database ${name} with (force)`);
  await client.end();
  await createDatabase(inject('postgresUrl'), { name });
  await restore({ url, from: Readable.from([file]) });
}

test('after an older database is restored every screen shows it, and what was not sent arrives once', async () => {
  const scene = await startScene();
  const { server } = scene;
  const [anna, boris] = [await scene.open('anna@demo.test'), await scene.open('boris@demo.test')];
  const [first = '', second = '', third = ''] = await scene.deals();
  const was = { first: anna.title(first), second: anna.title(second) };

  await anna.live.change(updateDeal, { id: third, title: 'Before the backup' }).done;
  const file = await backedUp(server.databaseUrl);
  await anna.live.change(updateDeal, { id: first, title: 'Lost with the old life' }).done;
  await until('boris sees it', () => boris.title(first) === 'Lost with the old life');
  const { epoch } = anna.live.inspect();

  await scene.admin.end();
  await server.kill();
  await until('the line is down', () => anna.live.connection !== 'online');
  const customerId = newId();
  anna.live.change(updateDeal, { id: second, title: 'Made while it was away' });
  anna.live.change(createCustomer, { id: customerId, name: 'Also made while it was away' });
  expect(anna.live.unsent).toBe(2);
  await goBack(server.databaseUrl, file);
  await server.restart();

  const admin = new pg.Client(server.databaseUrl);
  await admin.connect();
  const titleOf = async (id: string): Promise<unknown> =>
    (await admin.query<{ title: string }>('select title from crm.deals where id = $1', [id]))
      .rows[0]?.title;
  try {
    await until('all is sent', () => anna.live.unsent === 0, 30_000);
    for (const { live, title } of [anna, boris]) {
      await until('the rows are of the new life', () => live.inspect().epoch !== epoch, 30_000);
      await until('what was lost is gone', () => title(first) === was.first);
      await until(
        'what was made meanwhile is here',
        () => title(second) === 'Made while it was away',
      );
      expect(title(third)).toBe('Before the backup');
    }
    expect(anna.live.tray.list).toEqual([]);
    expect(await titleOf(first)).toBe(was.first);
    expect(await titleOf(second)).toBe('Made while it was away');
    const { rows } = await admin.query(
      'select count(*)::int as n from sync.change_log where id = any($1::uuid[]) and (op = $2 or after ->> $3 = $4)',
      [[customerId, second], 'I', 'title', 'Made while it was away'],
    );
    // The customer's insertion, the deal's insertion in the demo, and its one change.
    expect(rows).toEqual([{ n: 3 }]);

    // The two lives go on apart: a change of now is seen by both.
    await boris.live.change(updateDeal, { id: first, title: 'In the new life' }).done;
    await until('anna sees it', () => anna.title(first) === 'In the new life');
  } finally {
    await admin.end();
    anna.leave();
    boris.leave();
    await server.stop();
  }
}, 120_000);
