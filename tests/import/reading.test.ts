import { expect, test } from 'vitest';
import { MAX_CELL, MAX_LINE, readRecords, UnreadableFile } from '#server/import/csv.ts';
import { guessMapping } from '#server/import/mapping.ts';
import { guessStage } from '#server/import/stage-words.ts';
import { sniffEncoding, sniffFormat, sniffSeparator } from '#server/import/sniff.ts';
import {
  findDayOrder,
  findDecimalSign,
  Problem,
  readDay,
  readDecimal,
  readMoney,
} from '#server/import/values.ts';

/** Records of a text that arrives in pieces of so many letters. */
async function recordsOf(text: string, { piece = 3, separator = ',' } = {}) {
  const pieces = async function* () {
    for (let at = 0; at < text.length; at += piece) yield text.slice(at, at + piece);
  };
  const records = [];
  for await (const record of readRecords(pieces(), separator)) records.push(record);
  return records;
}

test.each([1, 2, 7, 1000])(
  'quotes, mixed line ends and empty cells are read, %i letters at a time',
  async (piece) => {
    const text = 'a,b\r\n"x, ""y""","two\nlines"\r1,\n\n"",5" pipe\r\n"last" ,z';
    expect(await recordsOf(text, { piece })).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, cells: ['x, "y"', 'two\nlines'] },
      { line: 4, cells: ['1', ''] },
      { line: 5, cells: [''] },
      { line: 6, cells: ['', '5" pipe'] },
      { line: 7, cells: ['last', 'z'] },
    ]);
  },
);

test.each([1, 1000])(
  'a broken quote costs its own line only, %i letters at a time',
  async (piece) => {
    const text = 'a,b\n1,"open\n2,fine\n"x"y,3\n4,"good"\n5,"open again';
    expect(await recordsOf(text, { piece })).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, column: 2, reason: expect.stringContaining('not closed'), text: '1,"open' },
      { line: 3, cells: ['2', 'fine'] },
      { line: 4, column: 1, reason: 'text follows the closing quote', text: '"x"y,3' },
      { line: 5, cells: ['4', 'good'] },
      { line: 6, column: 2, reason: expect.stringContaining('not closed'), text: '5,"open again' },
    ]);
  },
);

test('a cell or a line that is too long costs itself; a line without end ends the reading', async () => {
  const long = 'x'.repeat(MAX_CELL + 1);
  const lines = `"${'a line\n'.repeat(20_000)}"`;
  const line = 'y'.repeat(MAX_LINE + 500_000);
  const text = `a,b\n1,${long}\n2,3\n4,${lines}\n5,${line}\n6,7`;
  expect(await recordsOf(text, { piece: 50_000 })).toMatchObject([
    { cells: ['a', 'b'] },
    { line: 2, column: 2, reason: expect.stringContaining('the cell is longer than') },
    { line: 3, cells: ['2', '3'] },
    { line: 4, column: 2, reason: expect.stringContaining('the cell is longer than') },
    { line: 20_005, column: 2, reason: expect.stringContaining('the line is longer than') },
    { line: 20_006, cells: ['6', '7'] },
  ]);
  let given = 0;
  const endless = async function* () {
    yield 'a,b\n1,';
    for (; ; given += 1) yield 'y'.repeat(1_000_000);
  };
  const read = async () => {
    for await (const record of readRecords(endless(), ',')) expect(record.line).toBeLessThan(3);
  };
  await expect(read()).rejects.toThrow(
    new UnreadableFile('Line 2 has no end. Nothing after it was read.'),
  );
  expect(given).toBeLessThan(120);
});

test('encodings are told apart by their bytes', () => {
  const cyrillic = [0xc0, 0xea, 0xee, 0xf0, 0xe4, 0x3b, 0xcc, 0xee, 0xf1, 0xea, 0xe2, 0xe0];
  expect(sniffEncoding(Uint8Array.from(cyrillic)).encoding).toBe('windows-1251');
  expect(sniffEncoding(Buffer.from('Müller; Grüße', 'latin1')).encoding).toBe('windows-1252');
  expect(sniffEncoding(Buffer.from('Аккорд;Москва')).encoding).toBe('utf-8');
  expect(sniffEncoding(Buffer.from('Аккорд').subarray(0, 11)).encoding).toBe('utf-8');
  expect(sniffEncoding(Buffer.from('\uFEFFa;b'))).toEqual({ encoding: 'utf-8', skip: 3 });
  expect(sniffEncoding(Buffer.from('\uFEFFa;b', 'utf16le'))).toEqual({
    encoding: 'utf-16le',
    skip: 2,
  });
  for (const text of ['name;city', 'Название;Клиент']) {
    expect(sniffEncoding(Buffer.from(text, 'utf16le'))).toEqual({ encoding: 'utf-16le', skip: 0 });
  }
});

test.each(['windows-1251', 'ibm866', 'koi8-r'])(
  'Russian text in %s is told by its letters',
  (encoding) => {
    const letters = new TextDecoder(encoding).decode(
      Uint8Array.from({ length: 256 }, (_, at) => at),
    );
    for (const text of ['Поставка зерна;Ремонт крыши', 'ООО СЕВЕР;АРЕНДА СТАНКОВ']) {
      const bytes = Uint8Array.from(text, (letter) => letters.indexOf(letter));
      expect(sniffEncoding(bytes).encoding).toBe(encoding);
    }
  },
);

test('a letter cut in two does not make a file another encoding; a workbook is no text', () => {
  const cut = Buffer.concat([
    Buffer.from('Аккорд;Москва;Ремонт').subarray(0, -1),
    Buffer.from(';5'),
  ]);
  expect(sniffEncoding(cut).encoding).toBe('utf-8');
  expect(sniffFormat(Buffer.from('PK\u0003\u0004xl'))).toContain('Excel workbook');
  expect(sniffFormat(Buffer.from('PK;name'))).toBeUndefined();
});

test('separators are told by lines that they cut alike', () => {
  expect(sniffSeparator('a;b;c\n1,5;2,5;x\n1,0;3;"q,r;s"\n')).toBe(';');
  expect(sniffSeparator('name\tcity, street\nx\ty\n')).toBe('\t');
  expect(sniffSeparator('a|b\n1|2')).toBe('|');
  expect(sniffSeparator('name\nAcme\n')).toBe(',');
});

test.each([
  ['1 200,50', 120050],
  ['1\u00A0200,50', 120050],
  ['1,200.50', 120050],
  ['1.200,50', 120050],
  ["1'200.5", 120050],
  ['$1,200', 120000],
  ['USD 1200', 120000],
  ['1,234,567', 123456700],
  ['0.5', 50],
  ['.5', 50],
  ['1200.500', 120050],
  ['0', 0],
])('the amount %s is read', (text, minor) => {
  expect(readMoney(text, { currency: 'USD', sign: undefined })).toBe(minor);
});

test.each([
  '12.345.67',
  '1e5',
  'abc',
  '1,23,456',
  '12 apples',
  '-5',
  '(5)',
  '10.005',
  '90071992547409.93',
  '€5',
  '5 евро',
  '10000000000.01',
  '1 200 ₽',
  'NaN',
])('the amount %s is refused with a reason', (text) => {
  expect(readMoney(text, { currency: 'USD', sign: '.' })).toBeInstanceOf(Problem);
});

test('what a comma or a point means is read from the column where the cell alone does not say', () => {
  expect(findDecimalSign(['1.200', '35', '7,5'])).toBe(',');
  expect(readDecimal('1.200', ',')).toBe('1200');
  expect(findDecimalSign(['1.200', '7.5'])).toBe('.');
  expect(readDecimal('1.200', '.')).toBe('1.2');
  expect(readDecimal('1.200', undefined)).toBe('1200');
  expect(readMoney('15 000 руб.', { currency: 'RUB', sign: undefined })).toBe(1500000);
  expect(readMoney('15 000 р.', { currency: 'RUB', sign: undefined })).toBe(1500000);
});

test.each([
  ['2016-10-20', '2016-10-20'],
  ['2016-10-20T23:30:00Z', '2016-10-20'],
  ['2016/1/5', '2016-01-05'],
  ['05.01.2016', '2016-01-05'],
  ['05.01.2016 14:00', '2016-01-05'],
  ['29.02.2024', '2024-02-29'],
  ['20240229', '2024-02-29'],
  ['15-Mar-24', '2024-03-15'],
  ['Mar 5, 2024', '2024-03-05'],
  ['5 марта 2024', '2024-03-05'],
])('the date %s is read', (text, day) => {
  expect(readDay(text, undefined)).toBe(day);
});

test('whether the day or the month comes first is read from the column, never guessed', () => {
  expect(findDayOrder(['03/04/2026', '25/04/2026'])).toBe('dmy');
  expect(findDayOrder(['03/04/2026', '04/25/2026'])).toBe('mdy');
  expect(findDayOrder(['03/04/2026', '25/04/2026', '04/25/2026'])).toBeUndefined();
  expect(readDay('03/04/2026', 'mdy')).toBe('2026-03-04');
  expect(readDay('03/04/2026', 'dmy')).toBe('2026-04-03');
  expect(readDay('03/04/2026', undefined)).toMatchObject({
    reason: expect.stringContaining('--dates'),
  });
});

test.each([
  '2015-02-29',
  '31.04.2020',
  '2020-13-01',
  'tomorrow',
  '0000-01-01',
  '10000-01-01',
  '45321',
  '20241301',
  '5 Foo 2024',
  '31 Feb 2024',
])('the date %s is refused', (text) => {
  expect(readDay(text, 'dmy')).toBeInstanceOf(Problem);
});

test.each([
  [
    'won',
    'Won|Closed Won|Closed-Won|Sold|Invoice paid|Completed|Сделка успешна|Успешно реализовано|Счёт оплачен',
  ],
  [
    'lost',
    'Closed Lost|Lost - price|Unsuccessful|Not sold|Сделка провалена|Закрыто и не реализовано|Отказ',
  ],
  [
    'open',
    'Demo completed|Not paid|Prepaid|Win-back|Deadline set|Customer success|Window|Счёт не оплачен|Предоплачен|Частично оплачен|Выявлена потребность',
  ],
])('stages are %s by their name: %s', (kind, names) => {
  const kinds = names.split('|').map((name) => [name, guessStage(name).kind]);
  expect(kinds).toEqual(names.split('|').map((name) => [name, kind]));
});

test('headers are understood in English and Russian', () => {
  const guess = (target: 'deals' | 'customers', header: string) =>
    Object.fromEntries(
      guessMapping(target, header.split('|')).map((column) => [
        column.header,
        column.customKey ? `custom.${column.customKey}` : column.field.name,
      ]),
    );
  expect(
    guess(
      'deals',
      '№ сделки|Название|Контрагент|Сумма, руб.|Дата создания|Этап сделки|Ответственный|Бренд',
    ),
  ).toEqual({
    '№ сделки': 'externalId',
    Название: 'title',
    Контрагент: 'customer',
    'Сумма, руб.': 'value',
    'Дата создания': 'openedOn',
    'Этап сделки': 'stage',
    Ответственный: 'owner',
    Бренд: 'custom.бренд',
  });
  expect(
    guess('deals', 'Deal ID|Deal Name|Account Name|Amount (USD)|CloseDate|Stage|Deal Owner'),
  ).toEqual({
    'Deal ID': 'externalId',
    'Deal Name': 'title',
    'Account Name': 'customer',
    'Amount (USD)': 'value',
    CloseDate: 'closedOn',
    Stage: 'stage',
    'Deal Owner': 'owner',
  });
  expect(guess('customers', 'Наименование|Город|Телефон|Оборот|refused reason')).toEqual({
    Наименование: 'name',
    Город: 'city',
    Телефон: 'phone',
    Оборот: 'custom.оборот',
  });
});
