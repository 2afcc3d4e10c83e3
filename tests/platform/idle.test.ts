import { expect, test } from 'vitest';
import { freshDatabase } from '#tests/support/database.ts';

test('a transaction in which nothing happens is ended, and lets go of what it has locked', async () => {
  await using database = await freshDatabase();
  const { rows } = await database.pool.query<{ idle: string }>(
    `select current_setting('idle_in_transaction_session_timeout') as idle`,
  );
  expect(rows).toEqual([{ idle: '10s' }]);
  const client = await database.pool.connect();
  await client.query(`begin; set local idle_in_transaction_session_timeout = 50`);
  await new Promise((resolve) => client.once('error', resolve));
  await expect(client.query('select 1')).rejects.toThrow();
  client.release(true);
});
