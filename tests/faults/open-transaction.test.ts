import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { updateDeal } from '#lib/shared/deals.ts';
import { until } from '#tests/support/person.ts';
import { startScene } from './screens.ts';

test('transactions that are left open, here and in another database, hold nothing up and arrive when they end', async () => {
  await using scene = await startScene();
  const [anna, vera] = await Promise.all([
    scene.open('anna@demo.test'),
    scene.open('vera@demo.test'),
  ]);
  const [held = '', free = '', late = ''] = await scene.deals();
  await using here = await opened(scene.server.databaseUrl);
  await using elsewhere = await opened(inject('postgresUrl'));
  // Each has a transaction id, older than all that follow: whoever waits for the oldest, waits.
  await here.client.query('update crm.deals set title = $2 where id = $1', [held, 'Held']);
  await elsewhere.client.query('select pg_current_xact_id()');

  for (let round = 0; round < 20; round += 1) {
    const title = `Moved on ${round}`;
    const { done } = anna.live.change(updateDeal, { id: free, title });
    expect(await done).toMatchObject({ ok: true });
    await until('a change of a person arrives', () => vera.title(free) === title);
    await scene.admin.query('update deals set title = $2 where id = $1', [late, title]);
    await until('a change in psql arrives', () => vera.title(late) === title);
    await until('nothing is pending', () => anna.live.unsent === 0);
  }
  expect(vera.title(held)).not.toBe('Held');

  await here.client.query('commit');
  await until('what was held arrives', () => vera.title(held) === 'Held');
  await until('at both', () => anna.title(held) === 'Held');
  await elsewhere.client.query('rollback');
  await scene.admin.query('update deals set title = $2 where id = $1', [late, 'At last']);
  await until(
    'all goes on',
    () => anna.title(late) === 'At last' && vera.title(late) === 'At last',
  );
}, 60_000);

/** A connection with a transaction open. */
async function opened(url: string) {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('begin');
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
