import { tags } from '#lib/shared/fields.ts';
import { type CsvFault, type CsvRecord, hasColumns } from './csv.ts';
import { choiceOf, type Field } from './fields.ts';
import type { MappedColumn } from './mapping.ts';
import {
  currencyIn,
  type DayOrder,
  type DecimalSign,
  findDayOrder,
  findDecimalSign,
  isBlank,
  isCurrency,
  isFractions,
  Problem,
  readDay,
  readDecimal,
  readMoney,
  readPercent,
} from './values.ts';

export type Value = string | number | string[] | null;

/** A record whose cells have been read; what is blank is null. */
export interface Row {
  line: number;
  cells: string[];
  values: Record<string, Value>;
  custom: Record<string, string | number | null>;
}

/** Why a record stays out; `column` names the columns of the file. */
export interface Refusal {
  line: number;
  column: string;
  reason: string;
  cells: string[];
}

export interface Reading {
  columns: MappedColumn[];
  header: string[];
  /** Of amounts, unless the row has a currency of its own. */
  currency: string;
  /** What --dates says. */
  dayOrder: DayOrder | undefined;
}

/**
 * Reads cells into values. What one cell alone does not show (which of 03/04 is the month, whether a
 * comma is decimal) is decided once for each column by the sample.
 */
export class RowReader {
  readonly #columns: MappedColumn[];
  readonly #header: string[];
  readonly #currency: string;
  readonly #currencyAt: number | undefined;
  readonly #amountAt: number | undefined;
  readonly #dayOrders = new Map<number, DayOrder | undefined>();
  readonly #signs = new Map<number, DecimalSign | undefined>();
  readonly #numeric = new Set<number>();
  readonly #fractions = new Set<number>();

  constructor({ columns, header, currency, dayOrder }: Reading, sample: (CsvRecord | CsvFault)[]) {
    this.#columns = columns;
    this.#header = header;
    this.#currency = currency;
    this.#currencyAt = columns.find(({ field }) => field.kind === 'currency')?.at;
    this.#amountAt = columns.find(({ field }) => isAmount(field))?.at;
    const texts = (at: number): string[] => textsOf(sample, at);
    const days = columns.filter(({ field }) => field.kind === 'day');
    const shared = dayOrder ?? findDayOrder(days.flatMap(({ at }) => texts(at)));
    for (const { at, field } of columns) {
      if (field.kind === 'day')
        this.#dayOrders.set(at, dayOrder ?? findDayOrder(texts(at)) ?? shared);
      if (['money', 'decimal'].includes(field.kind))
        this.#signs.set(at, findDecimalSign(texts(at)));
      if (field.kind === 'auto' && isNumeric(texts(at))) this.#numeric.add(at);
      if (field.kind === 'percent' && isFractions(texts(at))) this.#fractions.add(at);
    }
  }

  read(record: CsvRecord | CsvFault): Row | Refusal {
    if ('reason' in record) {
      const { line, column, reason, text } = record;
      return {
        line,
        column: this.#header[column - 1] ?? `column ${column}`,
        reason,
        cells: [text],
      };
    }
    const { line } = record;
    const cells = record.cells.map(withoutShield);
    const count = this.#header.length;
    if (cells.every((cell, at) => isNamed(cell.trim(), this.#header[at] ?? ''))) {
      return { line, column: this.#header[0] ?? '', reason: 'the header once more', cells };
    }
    if (isTotals(cells)) {
      return {
        line,
        column: this.#header[0] ?? '',
        reason: 'a line of totals, not a record',
        cells,
      };
    }
    if (!hasColumns(cells, count)) {
      const reason = `the line has ${cells.length} cells, the header has ${count}`;
      return { line, column: `column ${Math.min(cells.length, count) + 1}`, reason, cells };
    }
    const row: Row = { line, cells, values: {}, custom: {} };
    const problems: { column: string; reason: string }[] = [];
    for (const { at, header, field, customKey } of this.#columns) {
      const value = this.#readCell(cells[at] ?? '', { at, field, cells });
      if (value instanceof Problem) problems.push({ column: header, reason: value.reason });
      else if (customKey !== undefined) row.custom[customKey] = value as string | number | null;
      else row.values[field.name] = value;
    }
    const named = this.#namedCurrency(cells);
    if (named) row.values['currency'] = named;
    if (problems.length === 0) return row;
    const listed = (key: 'column' | 'reason') => problems.map((one) => one[key]).join('; ');
    return { line, column: listed('column'), reason: listed('reason'), cells };
  }

  #readCell(
    cell: string,
    { at, field, cells }: { at: number; field: Field; cells: string[] },
  ): Value | Problem {
    const text = cell.trim();
    const damage = damageOf(text);
    if (damage) return damage;
    const isText = field.kind === 'text' || field.kind === 'auto';
    if (isText ? text === '' : isBlank(text)) {
      return field.isRequired ? new Problem(`${field.name} is blank`) : null;
    }
    switch (field.kind) {
      case 'text':
      case 'name':
      case 'id': {
        const most = field.max ?? 200;
        if (text.length > most) return new Problem(`longer than ${most} characters`);
        // Notes have lines, a title or a name has none.
        return most > 200 ? text : text.replace(/\s*[\r\n]+\s*/g, ' ');
      }
      case 'auto':
        if (text.length > (field.max ?? 0))
          return new Problem(`longer than ${field.max ?? 0} characters`);
        return this.#numeric.has(at) && plainNumber.test(text) ? Number(text) : text;
      case 'day':
        return readDay(text, this.#dayOrders.get(at));
      case 'money': {
        const currency = this.#currencyOf(cells);
        return currency instanceof Problem
          ? null
          : readMoney(text, { currency, sign: this.#signs.get(at) });
      }
      case 'decimal':
        if (isAmount(field)) {
          const currency = this.#currencyOf(cells);
          const named = currencyIn(text);
          if (!(currency instanceof Problem) && named && !named.includes(currency))
            return new Problem(`“${text.slice(0, 40)}” is not in ${currency}`);
        }
        return limited(readDecimal(text, this.#signs.get(at)), field.name);
      case 'percent':
        return readPercent(text, this.#fractions.has(at));
      case 'list': {
        const items = [...new Set(text.split(/[,;]/).map((item) => item.trim()))].filter(Boolean);
        return tags.safeParse(items).success
          ? items
          : new Problem('there are more than 20 tags, or one is longer than 50 characters');
      }
      case 'currency':
        return this.#currencyOf(cells);
      case 'choice': {
        const known = Object.keys(field.choices ?? {}).join(', ');
        return choiceOf(field, text) ?? new Problem(`“${text.slice(0, 40)}” is none of ${known}`);
      }
    }
  }

  #currencyOf(cells: string[]): string | Problem {
    const text = this.#currencyAt === undefined ? '' : (cells[this.#currencyAt]?.trim() ?? '');
    if (isBlank(text)) return this.#namedCurrency(cells) ?? this.#currency;
    const code = text.toUpperCase();
    if (isCurrency(code)) return code;
    const [meant] = currencyIn(text) ?? [];
    return meant ?? new Problem(`“${text.slice(0, 20)}” is not a currency`);
  }

  /** What the amount itself says, as `€5` does, where it is another than that of the others. */
  #namedCurrency(cells: string[]): string | undefined {
    const own = this.#currencyAt === undefined ? '' : (cells[this.#currencyAt]?.trim() ?? '');
    if (this.#amountAt === undefined || !isBlank(own)) return undefined;
    const named = currencyIn(cells[this.#amountAt] ?? '') ?? [];
    return named.includes(this.#currency) ? undefined : named[0];
  }
}

const isAmount = ({ kind, name }: Field): boolean => kind === 'money' || name === 'price';

/** The second of two columns of one name has its number behind it. */
const isNamed = (cell: string, header: string): boolean =>
  cell === header || (cell !== '' && header.startsWith(`${cell} (`));

/** What a sample of records has in a column. */
export const textsOf = (sample: (CsvRecord | CsvFault)[], at: number): string[] =>
  sample.flatMap((record) => ('cells' in record ? [record.cells[at]?.trim() ?? ''] : []));

// What reports end with; Total may also be somebody's name, but not with numbers alone behind it.
function isTotals(cells: string[]): boolean {
  const [first = '', ...rest] = cells.map((cell) => cell.trim()).filter((cell) => cell !== '');
  const isNumber = (cell: string) => !(readDecimal(cell, undefined) instanceof Problem);
  return (
    /^(?:grand total|total|итого|всего)\s*:?$/i.test(first) &&
    rest.length > 0 &&
    rest.every(isNumber)
  );
}

const plainNumber = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?$/;

function isNumeric(texts: string[]): boolean {
  const given = texts.filter((text) => text !== '');
  return given.length > 0 && given.every((text) => plainNumber.test(text));
}

function damageOf(text: string): Problem | undefined {
  if (text.includes('\0')) return new Problem('the cell has a NUL character');
  if (text.includes('\uFFFD') || !text.isWellFormed()) {
    return new Problem('the cell has letters that cannot be read; is this the right --encoding?');
  }
  return undefined;
}

// The database keeps six decimals of quantities and unit prices.
function limited(decimal: string | Problem, name: string): string | Problem {
  if (decimal instanceof Problem) return decimal;
  if (decimal.startsWith('-')) return new Problem(`“${decimal}” is below zero`);
  if (name === 'quantity' && Number(decimal) === 0) return new Problem('the quantity is zero');
  return /^\d{1,14}(?:\.\d{1,6})?$/.test(decimal)
    ? decimal
    : new Problem(`“${decimal.slice(0, 40)}” has too many digits`);
}

// An exported table shields cells that a spreadsheet would run as formulas.
const withoutShield = (cell: string): string =>
  /^'[=+\-@\t\r＝＋－＠]/.test(cell) ? cell.slice(1) : cell;
