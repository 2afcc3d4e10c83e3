import { open, type FileHandle } from 'node:fs/promises';
import type { Refusal } from './rows.ts';

/** The file of refused rows; it comes to be with the first one. Can be mended and imported again. */
export class RefusedFile {
  readonly #path: string;
  readonly #header: string[];
  #handle: FileHandle | undefined;
  #lines: string[] = [];

  constructor(path: string, header: string[]) {
    this.#path = path;
    this.#header = header;
  }

  async add(refusals: Refusal[]): Promise<void> {
    for (const { line, column, reason, cells } of refusals) {
      this.#lines.push(csvLine([String(line), column, reason, ...cells]));
    }
    if (this.#lines.length > 500) await this.#write();
  }

  /** Answers whether there is a file. */
  async close(): Promise<boolean> {
    await this.#write();
    await this.#handle?.close();
    return this.#handle !== undefined;
  }

  async #write(): Promise<void> {
    if (this.#lines.length === 0) return;
    if (!this.#handle) {
      this.#handle = await open(this.#path, 'w');
      const names = ['refused line', 'refused column', 'refused reason', ...this.#header];
      await this.#handle.write(`\uFEFF${csvLine(names)}`);
    }
    await this.#handle.write(this.#lines.join(''));
    this.#lines = [];
  }
}

const csvLine = (cells: string[]): string => `${cells.map(csvCell).join(',')}\r\n`;

// A spreadsheet runs what begins with one of these as a formula; an apostrophe makes it text.
const csvCell = (cell: string): string => {
  const safe = /^[=+\-@\t\r\0＝＋－＠]/.test(cell) ? `'${cell}` : cell;
  return /[",;\r\n\t]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
