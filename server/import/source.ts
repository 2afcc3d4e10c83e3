import { open, stat } from 'node:fs/promises';
import {
  type CsvFault,
  type CsvRecord,
  MAX_COLUMNS,
  namedColumns,
  readRecords,
  UnreadableFile,
} from './csv.ts';
import { sniffEncoding, sniffFormat, sniffSeparator } from './sniff.ts';

export interface Table {
  encoding: string;
  separator: string;
  header: string[];
  /** The records below the header; reading them once closes the file. */
  rows: AsyncGenerator<CsvRecord | CsvFault>;
  /** How much of the file has been read, from 0 to 1. */
  progress(): number;
}

const HEAD = 4_000_000;
const PIECE = 256 * 1024;

/**
 * Opens a table and reads its header; encoding and separator are found out unless given. Memory does
 * not grow with the file. Throws UnreadableFile, naming line and column.
 */
export async function openTable(
  file: string,
  given: { encoding?: string | undefined; separator?: string | undefined } = {},
): Promise<Table> {
  const { size } = await stat(file);
  const head = await readHead(file);
  if (head.length === 0) throw new UnreadableFile('The file is empty.');
  const format = sniffFormat(head);
  if (format) {
    throw new UnreadableFile(`The file is ${format}, not a table of text: save it as CSV first.`);
  }
  const sniffed = sniffEncoding(head);
  const encoding = given.encoding ?? sniffed.encoding;
  const skip = encoding.toLowerCase() === sniffed.encoding ? sniffed.skip : 0;
  const start = decoder(encoding).decode(head.subarray(skip, skip + 200_000), { stream: true });
  const named = /^sep=(.)\r?\n/.exec(start);
  const separator = given.separator ?? named?.[1] ?? sniffSeparator(start);

  let bytes = 0;
  const decoded = decode(file, {
    encoding,
    skip,
    onBytes: (count) => {
      bytes += count;
    },
  });
  const rows = named
    ? readRecords(withoutStart(decoded, named[0].length), separator, 2)
    : readRecords(decoded, separator);
  const header = readHeader(await firstRecord(rows));
  return { encoding, separator, header, rows, progress: () => (size ? bytes / size : 1) };
}

async function readHead(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function decoder(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding);
  } catch {
    throw new UnreadableFile(`The encoding ${encoding} is not known.`);
  }
}

async function* decode(
  file: string,
  { encoding, skip, onBytes }: { encoding: string; skip: number; onBytes(count: number): void },
): AsyncGenerator<string> {
  const letters = decoder(encoding);
  const handle = await open(file);
  const stream = handle.createReadStream({ start: skip, highWaterMark: PIECE });
  for await (const piece of stream as AsyncIterable<Buffer>) {
    onBytes(piece.length);
    yield letters.decode(piece, { stream: true });
  }
  yield letters.decode();
}

async function* withoutStart(
  pieces: AsyncIterable<string>,
  length: number,
): AsyncGenerator<string> {
  let left = length;
  for await (const piece of pieces) {
    yield piece.slice(left);
    left = Math.max(0, left - piece.length);
  }
}

async function firstRecord(
  rows: AsyncGenerator<CsvRecord | CsvFault>,
): Promise<CsvRecord | CsvFault> {
  for (;;) {
    const next = await rows.next();
    if (next.done) throw new UnreadableFile('The file is empty.');
    if ('reason' in next.value || namedColumns(next.value.cells) > 0) return next.value;
  }
}

function readHeader(first: CsvRecord | CsvFault): string[] {
  if ('reason' in first) {
    throw new UnreadableFile(`Line ${first.line}, column ${first.column}: ${first.reason}.`);
  }
  const { cells, line } = first;
  if (cells.length > MAX_COLUMNS) {
    throw new UnreadableFile(
      `Line ${line}, column ${MAX_COLUMNS + 1}: there are ${cells.length} columns; ${MAX_COLUMNS} are the most.`,
    );
  }
  const damaged = cells.findIndex((cell) => /[\0\uFFFD]/.test(cell));
  if (damaged >= 0) {
    throw new UnreadableFile(
      `Line ${line}, column ${damaged + 1}: the name of the column has letters that cannot be read. Is this the right --encoding?`,
    );
  }
  const seen = new Map<string, number>();
  return cells.slice(0, namedColumns(cells)).map((cell) => {
    const name = cell.trim();
    if (name === '') return name;
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
}
