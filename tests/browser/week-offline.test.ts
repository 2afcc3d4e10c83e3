import { describe, expect, test } from 'vitest';
import { isFull } from '#tests/support/full.ts';
import { openBoard } from '#tests/support/screen.ts';
import { demoStage } from '#tests/support/stage.ts';
import { count, keptIn, patience } from '#tests/support/unsent.ts';

const stage = demoStage();

describe('a week offline', () => {
  const made = isFull ? 5_000 : 1_000;

  test(
    `${made} changes go out in the order of each record, each once`,
    async () => {
      const { page, close } = await openBoard(stage.browser, {
        url: stage.server.url,
        email: 'anna@demo.test',
      });
      const { rows } = await stage.admin.query<{ id: string }>(
        `select d.id from crm.deals d join crm.organizations o on o.id = d.organization_id
       where o.slug = 'demo' and d.state = 'open' order by d.id limit 50`,
      );
      const deals = rows.map(({ id }) => id);
      const name = await page.evaluate(
        async () =>
          (await indexedDB.databases()).find((one) => one.name?.startsWith('syncline'))?.name ?? '',
      );
      await page.goto(`${stage.server.url}/o/demo/settings/account`);
      await page.evaluate(leaveChanges, { name, deals, made });
      await page.goto(`${stage.server.url}/o/demo/deals`);
      await expect.poll(() => count(page, 'unsent'), patience).not.toBe('0');
      await expect.poll(() => count(page, 'unsent'), { timeout: made * 100 }).toBe('0');
      await expect.poll(() => keptIn(page), patience).toBe(0);
      const { rows: log } = await stage.admin.query<{ id: string; titles: number[] }>(
        `select l.id, array_agg((l.after ->> 'title')::int order by t.pos) as titles
       from sync.change_log l join sync.change_tx t on t.xid = l.xid and t.at = l.at
       where t.mutation_id like 'gone:%' group by 1`,
      );
      expect(log).toHaveLength(deals.length);
      for (const { titles } of log) expect(titles).toEqual(titles.toSorted((a, b) => a - b));
      expect(log.flatMap(({ titles }) => titles).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: made }, (_, n) => n),
      );
      expect(await count(page, 'refused')).toBe('0');
      await close();
    },
    made * 120 + 60_000,
  );
});

/** Runs in the page: what a tab that is gone has left behind. */
async function leaveChanges({
  name,
  deals,
  made,
}: {
  name: string;
  deals: string[];
  made: number;
}): Promise<void> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(name);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(new Error('It cannot be opened'));
  });
  const tx = database.transaction('changes', 'readwrite');
  const week = 7 * 24 * 3_600_000;
  for (let n = 0; n < made; n++)
    tx.objectStore('changes').put({
      clientId: 'gone',
      seq: n + 1,
      name: 'deals.update',
      input: { id: deals[n % deals.length], title: String(n) },
      // By a clock that was set back in the middle.
      madeAt: Date.now() - week + (n < made / 2 ? n : n - made) * 10,
    });
  await new Promise<void>((resolve) => (tx.oncomplete = () => resolve()));
  database.close();
}
