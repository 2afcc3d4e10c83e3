/** What stands in the place of a name, an address or a number. */
export const blank = '█';

const fewestDigits = 6;
/** What is before these is the code of a country, or what is dialled instead of it. */
const nationalDigits = 10;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A number is the same however it is spaced; a name may be broken over lines. */
function wordPattern(word: string): string {
  const digits = word.replace(/\D/g, '');
  if (/^[\d\s().+-]+$/.test(word) && digits.length >= fewestDigits) return numberPattern(digits);
  const parts = word.trim().split(/\s+/);
  const said = (some: string[]): string => some.map(inflected).join('(?:\\s|\\\\n)+');
  // The family name may come first.
  const isName = parts.length === 2 && parts.every((part) => /^[\p{L}-]+$/u.test(part));
  return isName ? `(?:${said(parts)}|${said(parts.toReversed())})` : said(parts);
}

/** A Russian name changes its ending with what is said of it: Кузнецова, Кузнецовой, Кузнецову. */
function inflected(part: string): string {
  if (!/^[а-яё-]{3,}$/i.test(part)) return escaped(part);
  return `${part.replace(/(?:[аяиыо]й|ая|яя|[аеёийоуыьюя])$/i, '')}(?:${endings})?`;
}

/** Of names and adjectives in the singular; not `ов`, which would make Иванов of Иван. */
const endings =
  'а|я|у|ю|е|и|ы|о|ь|й|ой|ей|ою|ею|ью|ом|ем|ём|ым|им|ий|ый|ая|яя|ую|юю|ого|его|ому|ему';

function numberPattern(digits: string): string {
  const gap = '[\\s().-]*';
  const number = [...digits.slice(-nationalDigits)].join(gap);
  const prefix = `(?:\\+?\\(?\\d{1,3}${gap})?`;
  return digits.length >= nationalDigits ? `${prefix}\\(?${number}` : `\\+?\\(?${number}`;
}

/** What Postgres looks for; a part of another word is sorted out later. The longest first, so that no half of a name is left. */
export const patternOf = (words: readonly string[]): string =>
  words
    .toSorted((a, b) => b.length - a.length)
    .map(wordPattern)
    .join('|');

/** Whole words: Ann is not blanked in `channel`. */
const search = (words: readonly string[]): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}])(?:${patternOf(words)})(?![\\p{L}\\p{N}])`, 'giu');

export const wordsIn = (value: unknown, words: readonly string[]): boolean =>
  value !== null &&
  value !== undefined &&
  search(words).test(typeof value === 'string' ? value : JSON.stringify(value));

/** The value with every text in it blanked. */
export function blankedIn(value: unknown, words: readonly string[]): unknown {
  if (typeof value === 'string') return value.replace(search(words), blank);
  if (Array.isArray(value)) return value.map((one) => blankedIn(one, words));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, blankedIn(one, words)]),
  );
}
