import { isUtf8 } from 'node:buffer';

export interface Sniffed {
  /** A label that TextDecoder knows. */
  encoding: string;
  /** Bytes of a byte order mark. */
  skip: number;
}

const marks: [string, number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

const formats: [string, number[]][] = [
  ['a ZIP archive or an Excel workbook (.xlsx)', [0x50, 0x4b, 0x03, 0x04]],
  ['an Excel workbook (.xls)', [0xd0, 0xcf, 0x11, 0xe0]],
  ['a PDF document', [0x25, 0x50, 0x44, 0x46]],
  ['compressed (gzip)', [0x1f, 0x8b]],
];

/** What a file is that is no text, by its first bytes. */
export const sniffFormat = (head: Uint8Array): string | undefined =>
  formats.find(([, mark]) => mark.every((byte, at) => head[at] === byte))?.[0];

/**
 * How the bytes at the head of a file are written: by its byte order mark, by the zeros of UTF-16, as
 * UTF-8 where nearly all of it is valid; else in a Russian encoding when the letters beyond ASCII stand
 * in runs, as in Russian words, and windows-1252 when they stand alone, as umlauts do.
 */
export function sniffEncoding(head: Uint8Array): Sniffed {
  for (const [encoding, mark] of marks) {
    if (mark.every((byte, at) => head[at] === byte)) return { encoding, skip: mark.length };
  }
  return {
    encoding: wide(head) ?? (isMostlyUtf8(head) ? 'utf-8' : eightBit(head)),
    skip: 0,
  };
}

function wide(head: Uint8Array): string | undefined {
  const zeros = [0, 0];
  const seen = head.subarray(0, 4000);
  seen.forEach((byte, at) => {
    // The other half of a Cyrillic letter is a 4.
    if (byte === 0 || byte === 4) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = zeros;
  if (Math.max(even, odd) < seen.length / 8) return undefined;
  return odd > even ? 'utf-16le' : 'utf-16be';
}

// One cell that was cut in the middle of a letter does not make a file another encoding.
function isMostlyUtf8(head: Uint8Array): boolean {
  if (isUtf8(wholeLetters(head))) return true;
  const letters = [...new TextDecoder().decode(head)].filter((letter) => letter > '\x7F');
  const broken = letters.filter((letter) => letter === '\uFFFD').length;
  return broken * 5 < letters.length;
}

// The head may end in the middle of a letter.
function wholeLetters(head: Uint8Array): Uint8Array {
  let end = head.length;
  for (let back = 1; back <= 3 && back <= head.length; back += 1) {
    const byte = head[head.length - back] ?? 0;
    if (byte >= 0xc0) end = head.length - back;
    if (byte < 0x80 || byte >= 0xc0) break;
  }
  return head.subarray(0, end);
}

function eightBit(head: Uint8Array): string {
  let high = 0;
  let inRuns = 0;
  head.forEach((byte, at) => {
    if (byte < 0x80) return;
    high += 1;
    if ((head[at - 1] ?? 0) >= 0x80 || (head[at + 1] ?? 0) >= 0x80) inRuns += 1;
  });
  return inRuns * 5 >= high * 4 ? russian(head) : 'windows-1252';
}

/** The encoding in which most letters are the ones that Russian has most of. */
function russian(head: Uint8Array): string {
  const scored = ['windows-1251', 'ibm866', 'koi8-r'].map((encoding) => {
    const text = new TextDecoder(encoding).decode(head.subarray(0, 200_000));
    return { encoding, score: text.match(/[оеаинтср]/gi)?.length ?? 0 };
  });
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).encoding;
}

const separators = [',', ';', '\t', '|'];

/** The separator that cuts the first lines into the same number of cells, more than one. */
export function sniffSeparator(text: string): string {
  const lines = outsideQuotes(text)
    .split(/\r\n|\n|\r/)
    .filter((line) => line.trim() !== '')
    .slice(0, 50);
  // The last line may be cut off.
  if (lines.length > 2) lines.pop();
  const scored = separators.map((separator) => {
    const counts = lines.map((line) => line.split(separator).length - 1);
    const first = counts[0] ?? 0;
    const agreeing = counts.filter((count) => count === first).length / Math.max(1, counts.length);
    return { separator, score: first === 0 ? 0 : agreeing * 1000 + first };
  });
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).separator;
}

const outsideQuotes = (text: string): string => text.replace(/"(?:[^"]|"")*"/g, '');
