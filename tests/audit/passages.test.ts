import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import { erasePerson, passagesOf } from '#server/audit/erase.ts';
import { auditKey } from '#server/audit/key.ts';
import { sealHistory } from '#server/audit/seal.ts';
import { verifyAudit } from '#server/audit/verify.ts';
import { blankedIn } from '#server/audit/words.ts';
import { readBatch } from '#server/readers/batch.ts';
import { history } from '#server/readers/history.ts';
import { newCustomer, newDeal, startTeam, type Calls } from '#tests/features/team.ts';

async function scene() {
  const team = await startTeam();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-passages-'));
  const [key, heads] = [
    auditKey({ auditKey: undefined, dataDir }),
    path.join(dataDir, 'heads.jsonl'),
  ];
  const owner = team.database.owner.pool;
  const { organizationId } = team.owner;
  const calls = await team.as(team.owner);
  const { id } = await newCustomer(calls, {
    name: 'Мария Тайная',
    email: 'maria@secret.test',
    phone: '+7 912 345-67-89',
  });
  const whom = { entity: 'customers', id } as const;
  const board = await team.board();
  return {
    team,
    calls,
    owner,
    whom,
    organizationId,
    pipelineId: board.pipelineId,
    ...(await textsOf(calls, board, id)),
    async seal() {
      while (
        (await readBatch(team.app.pool, { reader: history, organizationId })).state !== 'done'
      );
      await sealHistory({ owner, key, heads, signal: new AbortController().signal });
    },
    passages: () => passagesOf(owner, { organizationId, whom }),
    erase: (blank: string[] | 'all') => erasePerson(owner, { organizationId, whom, key, blank }),
    findings: async () =>
      (await verifyAudit({ owner, key, heads })).flatMap((verdict) => verdict.findings),
    async [Symbol.asyncDispose]() {
      await team.database.drop();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** What others wrote of the customer, in all sorts of places, some of it past. */
async function textsOf(calls: Calls, board: Parameters<typeof newDeal>[1], customerId: string) {
  const deal = await newDeal(calls, board, {
    title: 'Яхта для мария тайная',
    description: 'Write to MARIA@secret.test, not to anna@open.test',
    value: 1_234_500,
  });
  const gone = await newDeal(calls, board, { title: 'Звонить 8(912)3456789 или +79123456789' });
  const removed = await calls.deals.delete({ id: gone.id });
  const renamed = await newDeal(calls, board, { title: 'Была Мария  Тайная' });
  const rename = await calls.deals.update({ id: renamed.id, title: 'Now without' });
  const noteId = newId();
  await calls.activities.create({
    id: noteId,
    kind: 'call',
    title: 'Call Мария Тайная',
    body: 'about Мария\nТайная and the yacht',
    dealId: deal.id,
    customerId,
    dueAt: Date.UTC(2027, 0, 1),
  });
  const other = await newCustomer(calls, { name: 'Пётр', notes: 'A friend of Мария Тайная' });
  return { deal, gone, renamed, removed, rename, noteId, other };
}

/** Every row of every table in which a word stands. */
async function placesOf(owner: Awaited<ReturnType<typeof scene>>['owner'], word: string) {
  const { rows: tables } = await owner.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('crm', 'sync', 'platform') and c.relkind in ('r', 'p') and not c.relispartition`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await owner.query<{ row: string }>(
      `select t::text as row from ${name} t where t::text ilike '%' || $1 || '%'`,
      [word],
    );
    found.push(...rows.map(({ row }) => `${name}: ${row}`));
  }
  return found;
}

/** What a person was told of a deal by its name, and what the one who made it was answered. */
async function tell({ team, owner, organizationId, deal }: Awaited<ReturnType<typeof scene>>) {
  const { memberId } = team.owner;
  const title = 'Яхта для Мария Тайная';
  const answer = JSON.stringify({ id: deal.id, title });
  await owner.query(
    `begin; select set_config('app.organization_id', '${organizationId}', true);
     insert into crm.notifications (organization_id, member_id, kind, entity, record_id, title, keys, source, at)
       values ('${organizationId}', '${memberId}', 'changed', 'deals', '${deal.id}', '${title}', '{}', 'test', now());
     insert into sync.mutations (organization_id, actor, mutation_id, name, request_hash, answer, pos)
       values ('${organizationId}', '${memberId}', 'test', 'deals.create', '', '${answer}', 1);
     commit`,
  );
}

const words = ['Тайная', 'maria@secret', '345-67-89', '3456789'];

test('what others wrote of a person is found by name, address and number, in the past as well', async () => {
  await using one = await scene();
  await one.seal();
  const places = (await one.passages()).map(({ place }) => place).sort();
  expect(places).toEqual(
    [
      `deals/${one.deal.id}/title`,
      `deals/${one.deal.id}/description`,
      `deals/${one.gone.id}/title`,
      `deals/${one.renamed.id}/title`,
      `activities/${one.noteId}/title`,
      `activities/${one.noteId}/body`,
      `customers/${one.other.id}/notes`,
    ].sort(),
  );
  const texts = (await one.passages()).map(({ text }) => text).join('\n');
  for (const word of words) expect(texts).not.toContain(word);
});

test('all of it blanked, no table has a word of it, and the seal holds', async () => {
  await using one = await scene();
  await one.seal();
  const at = new Date().toISOString();
  await tell(one);
  await one.erase('all');
  for (const word of words) expect([word, await placesOf(one.owner, word)]).toEqual([word, []]);
  await one.seal();
  expect(await one.findings()).toEqual([]);
  for (const word of words) expect([word, await placesOf(one.owner, word)]).toEqual([word, []]);

  // The rest of the texts, and of the records, is as it was.
  expect(await one.calls.deals.get({ id: one.deal.id })).toMatchObject({
    title: 'Яхта для █',
    description: 'Write to █, not to anna@open.test',
    value: 1_234_500,
  });
  expect(await one.calls.deals.get({ id: one.renamed.id })).toMatchObject({ title: 'Now without' });
  expect(await one.calls.customers.get({ id: one.other.id })).toMatchObject({
    name: 'Пётр',
    notes: 'A friend of █',
  });

  // Neither a look back, nor the trash, nor an undo brings it back.
  const key = `pipelineDeals/${one.pipelineId}/open`;
  const was = JSON.stringify(await one.calls.past.topic({ at, key }));
  expect(was).toContain('Яхта для █');
  for (const word of words) expect(was).not.toContain(word);
  await one.calls.trash.restore({ entity: 'deals', id: one.gone.id });
  expect((await one.calls.deals.get({ id: one.gone.id })).title).toBe('Звонить █ или █');
  await one.calls.undo.run({ position: one.rename.position });
  expect((await one.calls.deals.get({ id: one.renamed.id })).title).toBe('Была █');
  for (const word of words) expect([word, await placesOf(one.owner, word)]).toEqual([word, []]);
});

test('only what is chosen is blanked', async () => {
  await using one = await scene();
  await one.seal();
  await one.erase([`deals/${one.deal.id}/title`]);
  await one.seal();
  expect(await one.findings()).toEqual([]);
  expect(await one.calls.deals.get({ id: one.deal.id })).toMatchObject({
    title: 'Яхта для █',
    description: 'Write to MARIA@secret.test, not to anna@open.test',
  });
  expect(await one.calls.customers.get({ id: one.other.id })).toMatchObject({
    notes: 'A friend of Мария Тайная',
  });
  const entries = await one.owner.query(
    `select from sync.history where id = $1 and changes is not null`,
    [one.renamed.id],
  );
  expect(entries.rowCount).toBe(2);
});

test('a name is blanked as a whole word, however it is cased and broken', () => {
  expect(blankedIn('ann, Anna and the channel; ANN.', ['Ann'])).toBe('█, Anna and the channel; █.');
  expect(blankedIn(['Иван\nПетров', 'Иванов'], ['Иван Петров', 'Иван'])).toEqual(['█', 'Иванов']);
  expect(blankedIn({ about: 'call +7 (912) 345 67 89' }, ['+79123456789'])).toEqual({
    about: 'call █',
  });
});

test('a Russian name is found in each of its cases, and with the family name first', () => {
  const texts = [
    'позвонить Марии Кузнецовой',
    'у Кузнецовой Марии два договора',
    'с Марией Кузнецовой',
    'видел Марию Кузнецову',
    'Мария Кузнецов и Мариям Кузнецовская',
  ];
  expect(blankedIn(texts, ['Мария Кузнецова'])).toEqual([
    'позвонить █',
    'у █ два договора',
    'с █',
    'видел █',
    '█ и Мариям Кузнецовская',
  ]);
  expect(blankedIn('Андрею Белому; Белого Андрея', ['Андрей Белый'])).toBe('█; █');
  expect(blankedIn('Ольгой Толстой', ['Ольга Толстая'])).toBe('█');
  expect(blankedIn('Doe Jane, Jane Doe, Jane', ['Jane Doe'])).toBe('█, █, Jane');
});
