import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createCustomer, deleteCustomer } from '#lib/shared/customers.ts';
import { createDeal, deleteDeal, updateDeal } from '#lib/shared/deals.ts';
import { newId } from '#lib/shared/ids.ts';
import { openAs, until, type Person } from '#tests/support/person.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

let server: TestServer;
let anna: Person;
beforeAll(async () => {
  server = await startServer({ demo: true });
  anna = await openAs(server.url, 'anna@demo.test');
  const stages = anna.live.subscribe('stages', {});
  await until('the stages are there', () => stages.ready);
});
afterEach(() => beOnline(true));
afterAll(async () => {
  anna.leave();
  await server.stop();
});

/** What a browser says of its network. */
function beOnline(onLine: boolean): void {
  Object.defineProperty(navigator, 'onLine', { value: onLine, configurable: true });
}

test('a change waits for earlier ones of the records it names, and a deletion for all', async () => {
  const { live } = anna;
  const stage = live.rows('stages').all.find(({ kind }) => kind === 'open');
  if (!stage) throw new Error('There is no open stage');
  const place = { stageId: stage.id, pipelineId: stage.pipelineId };
  beOnline(false);
  const made = Array.from({ length: 20 }, (_, n) => {
    const [customerId, other, dealId] = [newId(), newId(), newId()];
    const deal = { id: dealId, title: `Deal ${n}`, rank: 'a0', currency: 'EUR', ...place };
    return [
      live.change(createCustomer, { id: customerId, name: `Customer ${n}` }),
      live.change(createCustomer, { id: other, name: `Other ${n}` }),
      live.change(createDeal, { ...deal, customerId }),
      live.change(updateDeal, { id: dealId, customerId: other }),
      live.change(deleteCustomer, { id: customerId }),
      live.change(deleteDeal, { id: dealId }),
      live.change(deleteCustomer, { id: other }),
    ];
  }).flat();
  expect(live.unsent).toBe(made.length);
  beOnline(true);
  made.push(live.change(createCustomer, { id: newId(), name: 'The last one' }));
  const outcomes = await Promise.all(made.map(({ done }) => done));
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
  expect(live.tray.list).toEqual([]);
});

test('what is refused lies in the tray, but for what its maker answers at once', async () => {
  const { live } = anna;
  const bad = { id: newId(), title: 'Bad', rank: 'a0', currency: 'EUR' };
  const nowhere = { ...bad, stageId: newId(), pipelineId: newId() };
  await live.change(createDeal, nowhere, { handles: () => true }).done;
  expect(live.tray.list).toEqual([]);
  await live.change(createDeal, nowhere).done;
  expect(live.tray.list).toMatchObject([{ name: 'deals.create', input: nowhere }]);

  beOnline(false);
  const late = live.change(createDeal, nowhere, { handles: () => true });
  beOnline(true);
  const [first] = live.tray.list;
  if (!first) throw new Error('The tray is empty');
  const again = live.redo(first);
  expect(live.tray.list).toEqual([]);
  // Neither: who made the one had gone on, and the other is as wrong as before.
  await Promise.all([late.done, again]);
  expect(live.tray.list).toHaveLength(2);
  for (const one of live.tray.list) live.tray.discard(one);
  expect(live.tray.list).toEqual([]);
});
