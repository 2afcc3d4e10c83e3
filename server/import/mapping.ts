import { choiceOf, type Field, fieldsOf, hasCustomValues, type TargetName } from './fields.ts';
import { isBlank } from './values.ts';

/** One column of the file that goes somewhere. */
export interface MappedColumn {
  at: number;
  header: string;
  field: Field;
  /** The key of a custom value, for the field `custom`. */
  customKey?: string;
}

/** The mapping that a person gave does not fit the file or the target. */
export class BadMapping extends Error {}

/** Columns that the file of refused rows adds. */
export const refusedColumns = ['refused line', 'refused column', 'refused reason'];

/**
 * Maps columns by what their headers say, in English or Russian; each field takes one column. A choice
 * is left to a custom value where the column's texts are none of its words.
 */
export function guessMapping(
  target: TargetName,
  header: string[],
  textsOf: (at: number) => string[] = () => [],
): MappedColumn[] {
  const plain = header.map(plainWords);
  const taken = new Map<number, Field>();
  const take = (field: Field, fits: (at: number) => boolean): boolean => {
    const at = plain.findIndex((text, place) => text !== '' && !taken.has(place) && fits(place));
    if (at >= 0) taken.set(at, field);
    return at >= 0;
  };
  const exact = (field: Field): boolean =>
    field.words.some((word) => take(field, (at) => plain[at] === word));
  const within = (field: Field): boolean =>
    field.words.some(
      (word) =>
        word.length > 4 && take(field, (at) => ` ${plain[at] ?? ''} `.includes(` ${word} `)),
    );
  const left = fieldsOf[target].filter((field) => !exact(field));
  for (const field of left) within(field);
  const keys = new Map<string, number>();
  return header.flatMap((name, at) => {
    const field = taken.get(at);
    if (field && isChoice(field, textsOf(at))) return [{ at, header: name, field }];
    const isKept =
      hasCustomValues(target) &&
      customKeyOf(name) !== '' &&
      !refusedColumns.includes(plain[at] ?? '');
    const key = isKept ? freshKey(keys, customKeyOf(name)) : '';
    return isKept ? [{ at, header: name, field: custom, customKey: key }] : [];
  });
}

// Of a state only what is won or lost matters: open deals are in the stage they are in.
function isChoice(field: Field, texts: string[]): boolean {
  const given = texts.filter((text) => !isBlank(text));
  if (field.kind !== 'choice' || given.length === 0) return true;
  const found = given.map((text) => choiceOf(field, text));
  return field.name === 'state'
    ? found.some((state) => state === 'won' || state === 'lost')
    : found.every((choice) => choice !== undefined);
}

// `Margin %` and `Margin $` are two values.
function freshKey(keys: Map<string, number>, key: string): string {
  const times = (keys.get(key) ?? 0) + 1;
  keys.set(key, times);
  return times === 1 ? key : freshKey(keys, `${key}_${times}`);
}

/** Reads `{"column": "field"}`; a field may be `custom.anything`, and null leaves a column out. */
export function givenMapping(
  target: TargetName,
  { header, mapping }: { header: string[]; mapping: unknown },
): MappedColumn[] {
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping)) {
    throw new BadMapping('The mapping is not an object of {"column": "field"}.');
  }
  const columns = Object.entries(mapping).flatMap(([name, fieldName]) =>
    fieldName === null || fieldName === '' ? [] : [mapColumn(target, { header, name, fieldName })],
  );
  const twice = columns.find(({ field, customKey }, at) =>
    columns.some(
      (other, place) => place < at && other.field === field && other.customKey === customKey,
    ),
  );
  if (twice) {
    const name = twice.customKey ? `custom.${twice.customKey}` : twice.field.name;
    throw new BadMapping(`Two columns are mapped to ${name}.`);
  }
  return columns.toSorted((a, b) => a.at - b.at);
}

function mapColumn(
  target: TargetName,
  { header, name, fieldName }: { header: string[]; name: string; fieldName: unknown },
): MappedColumn {
  const at = header.indexOf(name.trim());
  if (at < 0)
    throw new BadMapping(`The file has no column “${name}”; it has ${header.join(', ')}.`);
  const column = { at, header: header[at] ?? '' };
  const customKey = typeof fieldName === 'string' && /^custom\.(.+)$/.exec(fieldName)?.[1];
  if (customKey && hasCustomValues(target)) return { ...column, field: custom, customKey };
  const field = fieldsOf[target].find((known) => known.name === fieldName);
  if (field) return { ...column, field };
  const known = fieldsOf[target].map((one) => one.name).join(', ');
  throw new BadMapping(`${target} have no field ${JSON.stringify(fieldName)}; they have ${known}.`);
}

const custom: Field = { name: 'custom', kind: 'auto', words: [], max: 2000 };

// `Amount, USD` and `Сумма (руб.)` are named by what stands before.
function plainWords(header: string): string {
  return header
    .replace(/\(.*?\)|\[.*?\]/g, ' ')
    .replace(/,.*$/, '')
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .replaceAll('ё', 'е')
    .replaceAll('№', 'номер ')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

function customKeyOf(header: string): string {
  return header
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 60);
}
