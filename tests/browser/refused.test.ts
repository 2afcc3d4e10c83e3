import { expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { demoStage } from '#tests/support/stage.ts';

const stage = demoStage();

test('a change that a tab left long ago and that is refused now stands in the inbox too', async () => {
  const { page, close } = await stage.open('boris@demo.test');
  const kept = await page.evaluate(async () =>
    (await indexedDB.databases()).flatMap(({ name = '' }) =>
      name.startsWith('syncline unsent ') ? [name] : [],
    ),
  );
  const [name = ''] = kept;
  await page.evaluate(
    ({ database, change }) =>
      new Promise<void>((resolve, reject) => {
        const opening = indexedDB.open(database);
        opening.onerror = () => reject(new Error('not opened'));
        opening.onsuccess = () => {
          const writing = opening.result.transaction('changes', 'readwrite');
          writing.objectStore('changes').put(change);
          writing.oncomplete = () => {
            opening.result.close();
            resolve();
          };
        };
      }),
    {
      database: name,
      change: {
        ...{ clientId: newId(), seq: 1, name: 'deals.update', about: 'An old mill' },
        ...{ input: { id: newId(), title: 'A new mill' }, madeAt: Date.now() - 3_600_000 },
      },
    },
  );
  await page.reload();
  const told = async () =>
    (
      await stage.admin.query(
        `select title, data ->> 'words' as words from crm.notifications where kind = 'refused'`,
      )
    ).rows;
  await expect.poll(told).toEqual([{ title: 'An old mill', words: 'refused' }]);
  await page.goto(`${stage.server.url}/o/demo/inbox`);
  const line = page.locator('.nt', { hasText: 'An old mill' });
  await expect.poll(() => line.textContent()).toContain('was refused');
  await line.click();
  await expect.poll(() => page.locator('.inbox-subject').textContent()).toContain('An old mill');
  await page.reload();
  await line.waitFor();
  expect(await told()).toHaveLength(1);
  await close();
});
