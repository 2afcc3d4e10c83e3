import { expect, test } from 'vitest';
import { counts, importing } from './importing.ts';

const nothing = { created: 0, updated: 0, skipped: 0, refused: 0 };

/** windows-1251, as Russian spreadsheets write it. */
function windows1251(text: string): Uint8Array {
  const letters = new TextDecoder('windows-1251').decode(
    Uint8Array.from({ length: 256 }, (_, at) => at),
  );
  return Uint8Array.from(text, (letter) => letters.indexOf(letter));
}

test('a Russian table in windows-1251 goes into an existing pipeline, with what is missing made', async () => {
  await using history = await importing();
  const text = [
    'Номер;Название;Клиент;Сумма;Дата создания;Дата закрытия;Этап;Ответственный;Товар',
    'С-1;Поставка зерна;«Новый клиент»;1 200,50;05.03.2026;20.03.2026;Выиграна;АННА  КОВАЛЕВА;зерно «полярная ночь», 1кг',
    'С-2;"Аренда; две машины";сеть «точка»;15 000 р.;06.03.2026;;Квалификация;Новый Продавец;',
    'С-3;Отказались;;;;21.03.2026;Отказ клиента;;',
  ].join('\r\n');
  const options = { into: 'deals', createMissing: true } as const;
  const first = await history.run({ text: windows1251(text) }, options);
  expect(first.opened).toMatchObject({
    encoding: 'windows-1251',
    separator: ';',
    currency: 'RUB',
    currencyFrom: 'organization',
    pipeline: 'Оптовые продажи',
  });
  expect(counts(first)).toEqual({ ...nothing, created: 3 });
  expect(first.made).toEqual([
    ['customers', 1],
    ['members', 1],
  ]);
  expect(
    await history.ask(`select d.title, s.name as stage, d.value, d.opened_on, d.closed_on, d.expected_close_on,
        d.customer_name, m.name as owner, p.name as product
      from deals d join stages s on s.id = d.stage_id left join members m on m.id = d.owner_id
      left join deal_products l on l.deal_id = d.id left join products p on p.id = l.product_id
      where d.external_id like 'С-%' order by d.external_id`),
  ).toEqual([
    {
      title: 'Поставка зерна',
      stage: 'Выиграна',
      value: 120050,
      opened_on: '2026-03-05',
      closed_on: '2026-03-20',
      expected_close_on: null,
      customer_name: '«Новый клиент»',
      owner: 'Анна Ковалёва',
      product: 'Зерно «Полярная ночь», 1 кг',
    },
    {
      title: 'Аренда; две машины',
      stage: 'Квалификация',
      value: 1500000,
      opened_on: '2026-03-06',
      closed_on: null,
      expected_close_on: null,
      customer_name: 'Сеть «Точка»',
      owner: 'Новый Продавец',
      product: null,
    },
    {
      title: 'Отказались',
      stage: 'Проиграна',
      value: null,
      opened_on: null,
      closed_on: '2026-03-21',
      expected_close_on: null,
      customer_name: null,
      owner: null,
      product: null,
    },
  ]);
  expect(counts(await history.run({ text: windows1251(text) }, options))).toEqual({
    ...nothing,
    skipped: 3,
  });
});

test('a changed row changes only what the file says; blank cells and unmapped columns stay', async () => {
  await using history = await importing();
  const table = (amount: string, stage: string) =>
    `Deal ID,Deal Name,Amount (EUR),Stage,Close Date\nd1,Chairs,${amount},${stage},2026-05-01\nd2,Desks,70,Lead,`;
  await history.run({ text: table('10.50', 'Lead') }, { into: 'deals', pipeline: 'Other' });
  await history.ask(
    `update deals set title = 'Ten chairs', description = 'by hand' where external_id = 'd1'`,
  );
  const mapping = JSON.stringify({
    'Deal ID': 'externalId',
    'Amount (EUR)': 'value',
    Stage: 'stage',
  });
  const again = await history.run(
    { text: table('', 'Won') },
    { into: 'deals', pipeline: 'other', mapping },
  );
  expect(counts(again)).toEqual({ ...nothing, updated: 1, skipped: 1 });
  expect(
    await history.ask(`select title, description, value, currency, state, expected_close_on::text, probability
      from deals where external_id = 'd1'`),
  ).toEqual([
    {
      title: 'Ten chairs',
      description: 'by hand',
      value: 1050,
      currency: 'EUR',
      state: 'won',
      expected_close_on: '2026-05-01',
      probability: 100,
    },
  ]);
});

test('every row that stays out is listed with line, column and reason; the rest goes in', async () => {
  await using history = await importing();
  const text = [
    'id,customer,owner,amount,opened,stage',
    'a1,Сеть «Точка»,Анна Ковалёва,100,2026-01-05,New',
    'a2,Nobody Inc,Анна Ковалёва,100,2026-01-05,New',
    'a3,,,ten,2026-02-30,New',
    'a1,,,5,,New',
    'a4,"broken,5,,New',
    'a5,,,7',
    'a6,,,8,,New,extra',
    'a7,,,9,,New,',
    `a8,,,${'9'.repeat(20)},,New`,
    'a9,nul\0,,1,,New',
    '=cmd(),,nobody,1,,New',
  ].join('\n');
  const result = await history.run({ text }, { into: 'deals', pipeline: 'Bad', currency: 'RUB' });
  expect(counts(result)).toEqual({ ...nothing, created: 2, refused: 9 });
  const [header, ...refused] = await history.refused();
  expect(header?.slice(0, 4)).toEqual(['refused line', 'refused column', 'refused reason', 'id']);
  expect(refused.map(([line, column, reason]) => [line, column, reason])).toEqual([
    ['3', 'customer', expect.stringContaining('no customer “Nobody Inc”')],
    ['4', 'amount; opened', '“ten” is not a number; “2026-02-30” is not a day of the calendar'],
    ['5', 'id', 'the same id as in line 2'],
    ['6', 'customer', expect.stringContaining('quote')],
    ['7', 'column 5', 'the line has 4 cells, the header has 6'],
    ['8', 'column 7', 'the line has 7 cells, the header has 6'],
    ['10', 'amount', expect.stringContaining('too large')],
    ['11', 'customer', 'the cell has a NUL character'],
    ['12', 'owner', expect.stringContaining('no member')],
  ]);
  expect(refused.at(-1)?.[3]).toBe(`'=cmd()`);
  expect(
    await history.ask(`select external_id from deals where external_id like 'a%' order by 1`),
  ).toEqual([{ external_id: 'a1' }, { external_id: 'a7' }]);
});

test('the file of refused rows can be mended and imported again', async () => {
  await using history = await importing();
  await history.run({ text: 'name,city,revenue\n=1+1,Omsk,5\n,Perm,7\n' }, { into: 'customers' });
  const [header = [], row = []] = await history.refused();
  row[header.indexOf('name')] = 'Mended';
  const text = [header, row].map((cells) => cells.map((cell) => `"${cell}"`).join(',')).join('\n');
  const again = await history.run({ text }, { into: 'customers' });
  expect(counts(again)).toEqual({ ...nothing, created: 1 });
  expect(
    await history.ask(
      `select name, city, custom from customers where city in ('Omsk', 'Perm') order by city`,
    ),
  ).toEqual([
    { name: '=1+1', city: 'Omsk', custom: { revenue: 5 } },
    { name: 'Mended', city: 'Perm', custom: { revenue: 7 } },
  ]);
});

test('what the database refuses costs one row, and the codes of customers keep no gap', async () => {
  await using history = await importing();
  await history.base.owner.pool.query(
    `alter table customers add constraint no_seven check (name not like '%7')`,
  );
  const text = ['name', ...Array.from({ length: 100 }, (_, at) => `Customer ${at}`)].join('\n');
  const result = await history.run({ text }, { into: 'customers' });
  expect(counts(result)).toEqual({ ...nothing, created: 90, refused: 10 });
  const codes = await history.ask(
    `select code from customers where organization_id = '${history.organizationId}' order by code`,
  );
  expect(codes.map(({ code }) => code)).toEqual(
    Array.from({ length: 106 }, (_, at) => `C${String(at + 1).padStart(3, '0')}`),
  );
});

test('ids of another file are kept apart by the source, and never move deals of another pipeline', async () => {
  await using history = await importing();
  const text = 'id,title\n1,First\n2,Second\n';
  await history.run({ text }, { into: 'deals', pipeline: 'One' });
  const clash = await history.run({ text }, { into: 'deals', pipeline: 'Two' });
  expect(counts(clash)).toEqual({ ...nothing, refused: 2 });
  expect(clash.refusals[0]?.reason).toContain('--source');
  const apart = await history.run({ text }, { into: 'deals', pipeline: 'Two', source: 'amo' });
  expect(counts(apart)).toEqual({ ...nothing, created: 2 });
  expect(
    await history.ask(`select external_id, source from deals where source = 'amo' order by 1`),
  ).toEqual([
    { external_id: 'amo:1', source: 'amo' },
    { external_id: 'amo:2', source: 'amo' },
  ]);
});

test('deals without an id are known again, alike ones too', async () => {
  await using history = await importing();
  const text = 'customer,product,amount\nСеть «Точка»,Ключ и сито,5\nСеть «Точка»,Ключ и сито,6\n';
  const options = { into: 'deals', pipeline: 'No ids' } as const;
  expect(counts(await history.run({ text }, options))).toEqual({ ...nothing, created: 2 });
  expect(counts(await history.run({ text }, options))).toEqual({ ...nothing, skipped: 2 });
});

test('a dry run counts as the run would and leaves no trace', async () => {
  await using history = await importing();
  const trace = () =>
    history.ask('select count(*)::int as rows, max(pos) as position from sync.change_tx');
  const before = await trace();
  const text = 'id,customer,stage,amount\n1,Newcomer,New,5\n2,,New,x\n1,,,\n';
  const options = { into: 'deals', pipeline: 'Dry', createMissing: true } as const;
  const dry = await history.run({ text }, { ...options, isDryRun: true });
  expect(await trace()).toEqual(before);
  expect(counts(dry)).toEqual({ ...nothing, created: 1, refused: 2 });
  const real = await history.run({ text }, options);
  expect(counts(real)).toEqual(counts(dry));
  expect(real.made).toEqual(dry.made);
});

test('dates that may be read two ways are refused until it is said which', async () => {
  await using history = await importing();
  const text = 'id,opened\n1,03/04/2026\n2,05/06/2026\n';
  const asked = await history.run({ text }, { into: 'deals', pipeline: 'Dates' });
  expect(counts(asked)).toEqual({ ...nothing, refused: 2 });
  const told = await history.run({ text }, { into: 'deals', pipeline: 'Dates', dayOrder: 'mdy' });
  expect(counts(told)).toEqual({ ...nothing, created: 2 });
  expect(await history.ask(`select opened_on from deals where external_id = '1'`)).toEqual([
    { opened_on: '2026-03-04' },
  ]);
});

test(
  'another history of 50,000 rows, half of them bad, comes in or is listed, row by row',
  { timeout: 300_000 },
  async () => {
    await using history = await importing();
    const stages = ['Discovery', 'Quote sent', 'Closed Won', 'Closed Lost'];
    const rows = Array.from({ length: 50_000 }, (_, at) => {
      const amount = at % 2 === 0 ? `${(at % 900) + 1},5` : 'n,n';
      return `${at};Deal ${at};${amount};${(at % 28) + 1}/2/2025;${stages[at % 4] ?? ''}`;
    });
    const text = ['Number;Subject;Total (KZT);Created;Sales stage', ...rows].join('\r\n');
    const result = await history.run({ text }, { into: 'deals', pipeline: 'Big' });
    expect(counts(result)).toEqual({ ...nothing, created: 25_000, refused: 25_000 });
    expect(result.opened).toMatchObject({ currency: 'KZT', currencyFrom: 'file', separator: ';' });
    expect(await history.refused()).toHaveLength(25_001);
    expect(
      await history.ask(`select s.name, s.kind, count(*)::int as deals from stages s
      join pipelines p on p.id = s.pipeline_id and p.name = 'Big' join deals d on d.stage_id = s.id
      group by s.name, s.kind, s.position order by s.position`),
    ).toEqual([
      { name: 'Discovery', kind: 'open', deals: 12_500 },
      { name: 'Closed Won', kind: 'won', deals: 12_500 },
    ]);
  },
);
