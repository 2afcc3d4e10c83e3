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
export const MAX_LINE = 4_000_000;
const MAX_SKIPPED = 100_000_000;
const SHOWN = 1000;
export const MAX_COLUMNS = 1000;

const QUOTE = 34;
const LF = 10;
const CR = 13;
const SPACE = 32;

interface Fault {
  column: number;
  reason: string;
}

interface Cut {
  cells: string[];
  next: number;
  lines: number;
  /** A cell of it is too long. */
  fault: Fault | undefined;
}

/**
 * Splits text into records as RFC 4180 says, with any one-letter separator and any mix of line ends.
 * A broken quote costs only its own line: reading begins again on the next one, and so does a line
 * longer than MAX_LINE. Holds no more than that and a piece of the text; throws UnreadableFile where a
 * line has no end in sight.
 */
export async function* readRecords(
  pieces: AsyncIterable<string>,
  separator: string,
  firstLine = 1,
): AsyncGenerator<CsvRecord | CsvFault> {
  let text = '';
  let line = firstLine;
  let skipped = 0;
  let columns: number | undefined;
  const records = function* (isEnd: boolean): Generator<CsvRecord | CsvFault> {
    let at = 0;
    if (skipped > 0) {
      const end = lineEnd(text, 0, isEnd);
      if (!end) {
        skipped += text.length;
        if (skipped > MAX_SKIPPED) throw endless(line);
        text = text.endsWith('\r') ? '\r' : '';
        return;
      }
      at = end.next;
      line += 1;
      skipped = 0;
    }
    while (at < text.length) {
      const isOver = text.length - at > MAX_LINE;
      const cut =
        cutRecord(text, at, { separator: separator.charCodeAt(0), isEnd }) ??
        (isOver && { column: 1, reason: tooLongLine });
      if (!cut) break;
      const fault = faultOf(cut, columns);
      if (fault && 'next' in fault) {
        yield {
          line,
          column: fault.column,
          reason: fault.reason,
          text: text.slice(at, fault.next),
        };
        at = fault.next;
        line += fault.lines;
      } else if (fault) {
        const end = lineEnd(text, at, isEnd);
        if (!end && !isOver) break;
        if (!end) {
          const column = text.slice(at, at + MAX_LINE).split(separator).length;
          yield { line, column, reason: tooLongLine, text: `${text.slice(at, at + SHOWN)}…` };
          skipped = text.length - at;
          at = text.length;
          break;
        }
        yield { line, ...fault, text: text.slice(at, end.at) };
        at = end.next;
        line += 1;
      } else if ('cells' in cut) {
        columns ??= namedColumns(cut.cells) || undefined;
        yield { line, cells: cut.cells };
        at = cut.next;
        line += cut.lines;
      }
    }
    text = text.slice(at);
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
): Cut | Fault | undefined {
  const cells: string[] = [];
  let fault: Fault | undefined;
  let at = from;
  let lines = 1;
  for (;;) {
    if (text.charCodeAt(at) === QUOTE) {
      const cell = cutQuoted(text, at, { isEnd, isOver: isEnd || text.length - from > MAX_LINE });
      if (!cell) return undefined;
      if ('reason' in cell) return { column: cells.length + 1, reason: cell.reason };
      cells.push(cell.value);
      lines += countLines(cell.value);
      if (cell.value.length > MAX_CELL) fault ??= { column: cells.length, reason: tooLongCell };
      at = cell.next;
      while (text.charCodeAt(at) === SPACE) at += 1;
    } else {
      const begin = at;
      for (; at < text.length; at += 1) {
        const code = text.charCodeAt(at);
        if (code === separator || code === LF || code === CR) break;
      }
      if (at - begin > MAX_CELL) fault ??= { column: cells.length + 1, reason: tooLongCell };
      cells.push(text.slice(begin, at));
    }
    if (at >= text.length) return isEnd ? { cells, next: at, lines, fault } : undefined;
    const code = text.charCodeAt(at);
    if (code === LF) return { cells, next: at + 1, lines, fault };
    if (code === CR) {
      if (at + 1 === text.length && !isEnd) return undefined;
      const next = text.charCodeAt(at + 1) === LF ? at + 2 : at + 1;
      return { cells, next, lines, fault };
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
  { isEnd, isOver }: { isEnd: boolean; isOver: boolean },
): { value: string; next: number } | { reason: string } | undefined {
  let value = '';
  let begin = from + 1;
  for (;;) {
    const close = text.indexOf('"', begin);
    if (close < 0) {
      return isOver ? { reason: 'a quote opens here and is not closed' } : undefined;
    }
    if (close + 1 === text.length && !isEnd) return undefined;
    value += text.slice(begin, close);
    if (text.charCodeAt(close + 1) !== QUOTE) return { value, next: close + 1 };
    value += '"';
    begin = close + 2;
  }
}

const notClosedHere = 'a quote opens here and is not closed on this line';
const tooLongCell = `the cell is longer than ${MAX_CELL} characters`;
const tooLongLine = `the line is longer than ${MAX_LINE} characters`;

// A stray quote can swallow the following lines up to the next quote: the number of cells tells.
function faultOf(
  cut: Cut | Fault,
  columns: number | undefined,
): Fault | (Fault & Pick<Cut, 'next' | 'lines'>) | undefined {
  if ('reason' in cut) return cut;
  if (cut.lines === 1 || columns === undefined || hasColumns(cut.cells, columns)) {
    return cut.fault && { ...cut.fault, next: cut.next, lines: cut.lines };
  }
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

/** The columns of a header: spreadsheets write separators of empty columns behind the last one. */
export const namedColumns = (header: string[]): number =>
  header.findLastIndex((cell) => cell.trim() !== '') + 1;

/** Whether a record has the cells of the header, with nothing but blanks behind them. */
export const hasColumns = (cells: string[], columns: number): boolean =>
  cells.length >= columns && namedColumns(cells) <= columns;

const endless = (line: number): UnreadableFile =>
  new UnreadableFile(`Line ${line} has no end. Nothing after it was read.`);
