import { type Field, fieldsOf, hasCustomValues, type TargetName } from './fields.ts';

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

/** Maps columns by what their headers say, in English or Russian; each field takes one column. */
export function guessMapping(target: TargetName, header: string[]): MappedColumn[] {
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
  return header.flatMap((name, at) => {
    const field = taken.get(at);
    if (field) return [{ at, header: name, field }];
    const key = customKeyOf(name);
    const isKept =
      hasCustomValues(target) && key !== '' && !refusedColumns.includes(plain[at] ?? '');
    return isKept ? [{ at, header: name, field: custom, customKey: key }] : [];
  });
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
  if (twice) throw new BadMapping(`Two columns are mapped to ${twice.field.name}.`);
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
