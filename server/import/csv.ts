/** One record of a file, `line` being where it begins, counted from 1. */
export interface CsvRecord {
  line: number;
  cells: string[];
}

/** A line that is no record; reading goes on with the next line. `column` counts from 1. */
export interface CsvFault {
  line: number;
  column: number;
  reason: string;
  text: string;
}

/** The file cannot be read on from here. */
export class UnreadableFile extends Error {}

export const MAX_CELL = 100_000;
export const MAX_LINE = 1_000_000;
export const MAX_COLUMNS = 1000;

const QUOTE = 34;
const LF = 10;
const CR = 13;
const SPACE = 32;

type Cut = { cells: string[]; next: number; lines: number } | { column: number; reason: string };

/**
 * Splits text into records as RFC 4180 says, with any one-letter separator and any mix of line ends.
 * A broken quote costs only its own line: reading begins again on the next one. Holds no more than a
 * piece of the text and MAX_LINE characters; throws UnreadableFile on a longer line.
 */
export async function* readRecords(
  pieces: AsyncIterable<string>,
  separator: string,
): AsyncGenerator<CsvRecord | CsvFault> {
  let text = '';
  let line = 1;
  let columns: number | undefined;
  const records = function* (isEnd: boolean): Generator<CsvRecord | CsvFault> {
    let at = 0;
    while (at < text.length) {
      const cut = cutRecord(text, at, { separator: separator.charCodeAt(0), isEnd });
      if (!cut) break;
      const fault = faultOf(cut, columns);
      if (fault) {
        const end = lineEnd(text, at, isEnd);
        if (!end) break;
        yield { line, ...fault, text: text.slice(at, end.at) };
        at = end.next;
        line += 1;
      } else if ('cells' in cut) {
        columns ??= cut.cells.length;
        yield { line, cells: cut.cells };
        at = cut.next;
        line += cut.lines;
      }
    }
    text = text.slice(at);
    if (text.length > MAX_LINE) throw tooLong(text, line, separator);
  };
  for await (const piece of pieces) {
    text += piece;
    yield* records(false);
  }
  yield* records(true);
}

function cutRecord(
  text: string,
  from: number,
  { separator, isEnd }: { separator: number; isEnd: boolean },
): Cut | undefined {
  const cells: string[] = [];
  let at = from;
  let lines = 1;
  for (;;) {
    if (text.charCodeAt(at) === QUOTE) {
      const cell = cutQuoted(text, at, isEnd);
      if (!cell) return undefined;
      if ('reason' in cell) return { column: cells.length + 1, reason: cell.reason };
      cells.push(cell.value);
      lines += countLines(cell.value);
      at = cell.next;
      while (text.charCodeAt(at) === SPACE) at += 1;
    } else {
      const begin = at;
      for (; at < text.length; at += 1) {
        const code = text.charCodeAt(at);
        if (code === separator || code === LF || code === CR) break;
      }
      if (at - begin > MAX_CELL) return { column: cells.length + 1, reason: tooLongCell };
      cells.push(text.slice(begin, at));
    }
    if (at >= text.length) return isEnd ? { cells, next: at, lines } : undefined;
    const code = text.charCodeAt(at);
    if (code === LF) return { cells, next: at + 1, lines };
    if (code === CR) {
      if (at + 1 === text.length && !isEnd) return undefined;
      return { cells, next: text.charCodeAt(at + 1) === LF ? at + 2 : at + 1, lines };
    }
    if (code !== separator) {
      const isOneLine = countLines(cells.at(-1) ?? '') === 0;
      return {
        column: cells.length,
        reason: isOneLine ? 'text follows the closing quote' : notClosedHere,
      };
    }
    at += 1;
  }
}

function cutQuoted(
  text: string,
  from: number,
  isEnd: boolean,
): { value: string; next: number } | { reason: string } | undefined {
  let value = '';
  let begin = from + 1;
  for (;;) {
    const close = text.indexOf('"', begin);
    if (close < 0) {
      const isOver = isEnd || text.length - from > MAX_CELL;
      return isOver ? { reason: 'a quote opens here and is not closed' } : undefined;
    }
    if (close + 1 === text.length && !isEnd) return undefined;
    value += text.slice(begin, close);
    if (value.length > MAX_CELL) return { reason: tooLongCell };
    if (text.charCodeAt(close + 1) !== QUOTE) return { value, next: close + 1 };
    value += '"';
    begin = close + 2;
  }
}

const notClosedHere = 'a quote opens here and is not closed on this line';
const tooLongCell = `the cell is longer than ${MAX_CELL} characters`;

// A stray quote can swallow the following lines up to the next quote: the number of cells tells.
function faultOf(
  cut: Cut,
  columns: number | undefined,
): { column: number; reason: string } | undefined {
  if ('reason' in cut) return cut;
  if (cut.lines === 1 || columns === undefined || cut.cells.length === columns) return undefined;
  const column = cut.cells.findIndex((cell) => countLines(cell) > 0) + 1;
  return { column, reason: notClosedHere };
}

function lineEnd(
  text: string,
  from: number,
  isEnd: boolean,
): { at: number; next: number } | undefined {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === LF) return { at, next: at + 1 };
    if (code === CR) {
      if (at + 1 === text.length && !isEnd) return undefined;
      return { at, next: text.charCodeAt(at + 1) === LF ? at + 2 : at + 1 };
    }
  }
  return isEnd ? { at: text.length, next: text.length } : undefined;
}

function countLines(cell: string): number {
  let lines = 0;
  for (let at = 0; at < cell.length; at += 1) {
    const code = cell.charCodeAt(at);
    if (code === LF || (code === CR && cell.charCodeAt(at + 1) !== LF)) lines += 1;
  }
  return lines;
}

function tooLong(text: string, line: number, separator: string): UnreadableFile {
  const columns = text.slice(0, MAX_LINE).split(separator).length;
  return new UnreadableFile(
    `Line ${line}, column ${columns}: the line is longer than ${MAX_LINE} characters. Nothing after it was read.`,
  );
}
