import type { Page } from 'playwright';

/** What the page says of its connection. */
export const pill = (page: Page) => page.locator('[data-connection]').first();
export const count = (page: Page, what: 'unsent' | 'refused') =>
  pill(page).getAttribute(`data-${what}`);
export const patience = { timeout: 20_000 };

/** Every change of the browser's database, and that it is whole. */
export const keptIn = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const named = (await indexedDB.databases()).filter(({ name }) => name?.startsWith('syncline'));
    let kept = 0;
    for (const { name = '' } of named)
      kept += await new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open(name);
        opening.onerror = () => reject(new Error('It cannot be opened'));
        opening.onsuccess = () => {
          const database = opening.result;
          database.onversionchange = () => database.close();
          const counting = database.transaction('changes').objectStore('changes').count();
          counting.onsuccess = () => {
            database.close();
            resolve(counting.result);
          };
        };
      });
    return kept;
  });
