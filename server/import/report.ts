import * as path from 'node:path';
import type { ImportArguments } from './arguments.ts';
import type { ImportOrganization } from './organization.ts';
import type { Counts, Listener, Opened, Summary } from './run.ts';

const SECOND = 1000;
const separators: Record<string, string> = {
  '\t': 'tab',
  ',': 'comma',
  ';': 'semicolon',
  '|': 'bar',
};

/** Tells the person at the command line: facts and counts on stdout, progress on stderr. */
export class Report implements Listener {
  readonly #given: ImportArguments;
  readonly #organization: ImportOrganization;
  readonly #began = Date.now();
  #shownAt = Date.now();
  #isShowing = false;

  constructor(given: ImportArguments, organization: ImportOrganization) {
    this.#given = given;
    this.#organization = organization;
  }

  waiting(): void {
    say('Another import into this organization is under way; this one begins when it ends.');
  }

  opened({ encoding, separator, columns, ignored, pipeline, ...money }: Opened): void {
    const { file, into, mapping } = this.#given;
    const divided = separators[separator] ?? separator;
    say(`${path.basename(file)}: ${encoding}, divided by ${divided}`);
    say(`into ${into} of ${this.#organization.name} (${this.#organization.slug})`);
    if (pipeline !== undefined) say(`pipeline: ${pipeline}`);
    say(mapping ? 'columns:' : 'columns, as the header suggests (--mapping says otherwise):');
    const width = Math.max(...columns.map(({ header }) => header.length), 0);
    for (const { header, field, customKey } of columns) {
      say(`  ${header.padEnd(width)} -> ${customKey ? `custom.${customKey}` : field.name}`);
    }
    if (ignored.length > 0) {
      say(`  left out: ${ignored.map((name) => name || 'a column without a name').join(', ')}`);
    }
    if (columns.some(({ field }) => field.kind === 'money' || field.name === 'price')) {
      const isColumn = columns.some(({ field }) => field.kind === 'currency');
      const own = `${money.currency}${origins[money.currencyFrom]}`;
      say(isColumn ? `currency: of its column; where that is blank, ${own}` : `currency: ${own}`);
    }
  }

  moved({ fraction, ...counts }: Counts & { fraction: number }): void {
    const now = Date.now();
    if (now - this.#shownAt < (process.stderr.isTTY ? 100 : SECOND)) return;
    this.#shownAt = now;
    const done = counts.created + counts.updated + counts.skipped + counts.refused;
    const percent = `${Math.min(100, Math.round(fraction * 100))} %`.padStart(5);
    const text = `${percent} read, ${done} rows, ${counts.refused} refused`;
    if (!process.stderr.isTTY) {
      process.stderr.write(`${text}\n`);
      return;
    }
    const filled = Math.round(Math.min(1, fraction) * 30);
    process.stderr.write(`\r${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${text}\u001B[K`);
    this.#isShowing = true;
  }

  finish({ refusals, refusedFile, made, madeStages, stopped, ...counts }: Summary): void {
    if (this.#isShowing) process.stderr.write('\r\u001B[K');
    const seconds = ((Date.now() - this.#began) / SECOND).toFixed(1);
    if (this.#given.isDryRun) say('dry run: nothing was written; this is what would be');
    const { created, updated, skipped, refused } = counts;
    say(
      `created ${created}, updated ${updated}, skipped ${skipped}, refused ${refused} in ${seconds} s`,
    );
    if (made.length > 0) {
      say(`also made: ${made.map(([table, count]) => `${count} ${table}`).join(', ')}`);
    }
    if (madeStages.length > 0) say(`new stages: ${madeStages.join(', ')}`);
    for (const { line, column, reason } of refusals) {
      say(`  line ${line}${column && `, ${column}`}: ${reason}`);
    }
    if (refused > refusals.length) say(`  … and ${refused - refusals.length} more`);
    if (refusedFile) say(`refused rows are in ${refusedFile}`);
    if (stopped) say(`NOT FINISHED. ${stopped}`);
  }
}

const origins: Record<Opened['currencyFrom'], string> = {
  option: '',
  file: ' (the header says so)',
  organization: ' (the file names none; this is the organization’s own, --currency says another)',
};

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
