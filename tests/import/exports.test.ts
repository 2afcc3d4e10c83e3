import { expect, test } from 'vitest';
import { counts, importing } from './importing.ts';

const nothing = { created: 0, updated: 0, skipped: 0, refused: 0 };
const table = (...lines: string[]): { text: string } => ({ text: lines.join('\n') });
const dealsOf = (pipeline: string) => `
  select s.name as stage, d.state, d.value, d.currency, d.probability, d.expected_close_on, d.closed_on
  from deals d join stages s on s.id = d.stage_id
  join pipelines p on p.id = s.pipeline_id and p.name = '${pipeline}' order by d.external_id`;

test('deals whose state says won or lost go there, whatever their stage', async () => {
  await using history = await importing();
  const input = table(
    'Deal - ID,Deal - Title,Deal - Value,Deal - Currency,Deal - Stage,Deal - Status,Deal - Deal closed on,Deal - Expected close date',
    'p1,Alpha,1000,EUR,Proposal,Won,2024-02-01 10:00:00,',
    'p2,Beta,2000,EUR,Qualified,Lost,2024-02-02 10:00:00,',
    'p3,Gamma,,EUR,Qualified,Open,,2024-06-30',
    'p4,Delta,1,EUR,Qualified,Deleted,,',
  );
  const options = { into: 'deals', pipeline: 'Pipedrive' } as const;
  const first = await history.run(input, options);
  expect(counts(first)).toEqual({ ...nothing, created: 3, refused: 1 });
  expect(first.refusals[0]).toMatchObject({ line: 5, column: 'Deal - Status' });
  expect(first.madeStages).toEqual(['Qualified', 'Proposal', 'Won (won)', 'Lost (lost)']);
  const open = { expected_close_on: null, closed_on: null, currency: 'EUR' };
  expect(await history.ask(dealsOf('Pipedrive'))).toEqual([
    {
      ...open,
      stage: 'Won',
      state: 'won',
      value: 100000,
      probability: 100,
      closed_on: '2024-02-01',
    },
    {
      ...open,
      stage: 'Lost',
      state: 'lost',
      value: 200000,
      probability: 0,
      closed_on: '2024-02-02',
    },
    {
      ...open,
      stage: 'Qualified',
      state: 'open',
      value: null,
      probability: 25,
      expected_close_on: '2024-06-30',
    },
  ]);
  const again = await history.run(input, options);
  expect(counts(again)).toEqual({ ...nothing, skipped: 3, refused: 1 });
});

test('a deal that was won stays so where a later file does not say its stage', async () => {
  await using history = await importing();
  const options = { into: 'deals', pipeline: 'Later' } as const;
  await history.run(table('id,title,stage,close date', '1,One,Won,2024-05-01'), options);
  await history.run(table('id,title,close date', '1,One,2024-05-03'), options);
  expect(await history.ask(dealsOf('Later'))).toMatchObject([
    { state: 'won', closed_on: '2024-05-03', expected_close_on: null },
  ]);
});

test('probabilities are read as percentages or as fractions, as their column shows', async () => {
  await using history = await importing();
  const rows = (...texts: string[]) =>
    table('Record ID,Deal Name,Deal probability', ...texts.map((text, at) => `${at},D,${text}`));
  const options = { into: 'deals', source: 'a', pipeline: 'Fractions' } as const;
  expect(counts(await history.run(rows('0.2', '1.0', '0.29'), options)).created).toBe(3);
  const percent = { into: 'deals', source: 'b', pipeline: 'Percent' } as const;
  expect(counts(await history.run(rows('20.0', '1', '12.5'), percent))).toEqual({
    ...nothing,
    created: 2,
    refused: 1,
  });
  const given = async (pipeline: string) =>
    (await history.ask(dealsOf(pipeline))).map(({ probability }) => probability);
  expect(await given('Fractions')).toEqual([20, 100, 29]);
  expect(await given('Percent')).toEqual([20, 1]);
});

test('an amount has the currency that its cell names; amounts and prices of others keep theirs', async () => {
  await using history = await importing();
  const options = { into: 'deals', pipeline: 'Money', currency: 'USD' } as const;
  const input = table('id,amount', '1,"$1,200.50"', '2,€5', '3,700 ₸', '4,', '5,8');
  expect(counts(await history.run(input, options))).toEqual({ ...nothing, created: 5 });
  const money = (await history.ask(dealsOf('Money'))).map(({ value, currency }) => [
    value,
    currency,
  ]);
  expect(money).toEqual([
    [120050, 'USD'],
    [500, 'EUR'],
    [70000, 'KZT'],
    [null, 'USD'],
    [800, 'USD'],
  ]);
  expect(counts(await history.run(input, options))).toEqual({ ...nothing, skipped: 5 });
  await history.run(table('sku,name,price', 'P1,Widget,€5'), { into: 'products' });
  expect(
    await history.ask(`select price::float8, currency from products where external_id = 'P1'`),
  ).toEqual([{ price: 5, currency: 'EUR' }]);
});

test('an amount read in another currency takes the currency along', async () => {
  await using history = await importing();
  const input = table('id,amount', '1,1000', '2,');
  const options = { into: 'deals', pipeline: 'Yen' } as const;
  await history.run(input, { ...options, currency: 'JPY' });
  const forgotten = await history.run(input, options);
  expect(counts(forgotten)).toEqual({ ...nothing, skipped: 1, refused: 1 });
  expect(forgotten.refusals[0]?.reason).toContain('in JPY');
  const told = await history.run(input, { ...options, currency: 'EUR' });
  expect(counts(told)).toEqual({ ...nothing, updated: 1, skipped: 1 });
  expect(await history.ask(dealsOf('Yen'))).toMatchObject([
    { value: 100000, currency: 'EUR' },
    { value: null, currency: 'JPY' },
  ]);
});

test('a manager who has a row too is one member, and so is a customer who gets an id later', async () => {
  await using history = await importing();
  const people = table(
    'employee id,name,manager,team,email',
    'E1,Ann Lee,Carl Boss,East,',
    'E2,Carl Boss,,West,carl@x.test',
  );
  const members = await history.run(people, { into: 'members' });
  expect(counts(members)).toEqual({ ...nothing, created: 2 });
  expect(members.made).toEqual([['teams', 2]]);
  expect(counts(await history.run(people, { into: 'members' })).skipped).toBe(2);
  await history.run(table('id,customer,owner', '1,Acme Inc,CARL@x.test', '2, acme  inc,'), {
    into: 'deals',
    pipeline: 'First',
    createMissing: true,
  });
  const accounts = table('id,account,industry', 'A1,ACME inc,Steel', 'A2,Acme Inc,Other');
  expect(counts(await history.run(accounts, { into: 'customers' }))).toEqual({
    ...nothing,
    created: 1,
    updated: 1,
  });
  expect(
    await history.ask(`select c.external_id, c.industry, m.name from deals d
      join customers c on c.id = d.customer_id left join members m on m.id = d.owner_id
      where c.external_id is not null order by d.external_id`),
  ).toEqual([
    { external_id: 'A1', industry: 'Steel', name: 'Carl Boss' },
    { external_id: 'A1', industry: 'Steel', name: null },
  ]);
});

test('what a guess cannot hold is kept: types of other words, and columns of alike names', async () => {
  await using history = await importing();
  const input = table(
    'Id,Name,Type,Margin %,Margin $',
    '001A,Kept Ltd,Customer - Direct,10,100',
    '001B,Kept too,Prospect,20,200',
  );
  expect(counts(await history.run(input, { into: 'customers' })).created).toBe(2);
  expect(await history.ask(`select custom from customers where name = 'Kept Ltd'`)).toEqual([
    { custom: { type: 'Customer - Direct', margin: 10, margin_2: 100 } },
  ]);
});

test('empty columns behind the last, empty lines above and a header in between do no harm', async () => {
  await using history = await importing();
  const input = table(
    'sep=;',
    ';;;;;',
    'Number;Subject;Amount;;;',
    'E1;One;5',
    'E2;"Two',
    'lines";6;;;',
    'Number;Subject;Amount;;;',
    'E3;Three;x;;;',
    'E4;Four;7;;;8',
  );
  const result = await history.run(input, { into: 'deals', pipeline: 'Spreadsheet' });
  expect(counts(result)).toEqual({ ...nothing, created: 2, refused: 3 });
  expect(result.opened.columns).toHaveLength(3);
  expect(result.refusals.map(({ line, reason }) => [line, reason])).toEqual([
    [7, 'the header once more'],
    [8, '“x” is not a number'],
    [9, 'the line has 6 cells, the header has 3'],
  ]);
});

test('what the page would not take stays out: sums too large to add up, too many tags', async () => {
  await using history = await importing();
  const many = Array.from({ length: 21 }, (_, at) => `t${at}`).join(';');
  const input = table(
    'id,title,amount,tags,description',
    '1,"Two',
    'lines",10000000000,,"Two',
    'lines"',
    '2,Large,10000000001,,',
    `3,Tagged,1,${many},`,
    'Total,,"20,000,000,001.00",,',
    'Total,Energy,5,,',
  );
  const result = await history.run(input, { into: 'deals', pipeline: 'Limits' });
  expect(counts(result)).toEqual({ ...nothing, created: 2, refused: 3 });
  expect(result.refusals.map(({ line, column }) => [line, column])).toEqual([
    [5, 'amount'],
    [6, 'tags'],
    [7, 'id'],
  ]);
  expect(await history.ask(`select title, description from deals where external_id = '1'`)).toEqual(
    [{ title: 'Two lines', description: 'Two\nlines' }],
  );
});

test('stages beyond the most that a pipeline has cost their rows only', async () => {
  await using history = await importing();
  const rows = Array.from({ length: 2060 }, (_, at) =>
    at < 2000 ? `${at},New` : `${at},Stage ${at}`,
  );
  const result = await history.run(table('id,stage', ...rows), { into: 'deals', pipeline: 'Many' });
  expect(counts(result)).toEqual({ ...nothing, created: 2049, refused: 11 });
  expect(result.refusals[0]).toMatchObject({ line: 2051, column: 'stage' });
});

test('two imports at a time make nothing twice', async () => {
  await using history = await importing();
  const rows = Array.from({ length: 1000 }, (_, at) => `${at},Firm ${at % 40},Rep ${at % 7}`);
  const input = table('id,customer,owner', ...rows);
  const options = { into: 'deals', pipeline: 'Both', createMissing: true } as const;
  const both = await Promise.all([history.run(input, options), history.run(input, options)]);
  expect(both.map(({ refused }) => refused)).toEqual([0, 0]);
  expect(both.map(({ created }) => created).toSorted((a, b) => a - b)).toEqual([0, 1000]);
  expect(
    await history.ask(`select
      (select count(*)::int from customers where name like 'Firm %') as firms,
      (select count(*)::int from members where name like 'Rep %') as reps,
      (select count(*)::int from pipelines where name = 'Both') as pipelines`),
  ).toEqual([{ firms: 40, reps: 7, pipelines: 1 }]);
});

test('an import that is stopped is whole up to a line, and the next goes on from there', async () => {
  await using history = await importing();
  const rows = Array.from({ length: 1000 }, (_, at) => `${at},Deal ${at}`);
  const input = table('id,title', ...rows);
  const stop = new AbortController();
  const stopped = await history.run(input, {
    into: 'deals',
    pipeline: 'Stopped',
    signal: stop.signal,
    onBatch: () => stop.abort(),
  });
  expect(counts(stopped)).toEqual({ ...nothing, created: 200 });
  expect(stopped.stopped).toContain('Stopped before line 202.');
  const rest = await history.run(input, { into: 'deals', pipeline: 'Stopped' });
  expect(counts(rest)).toEqual({ ...nothing, created: 800, skipped: 200 });
});
