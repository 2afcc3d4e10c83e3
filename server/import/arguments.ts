import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { fieldsOf, hasCustomValues, type TargetName, targets } from './fields.ts';
import type { ImportOptions } from './run.ts';
import { type DayOrder, isCurrency } from './values.ts';

/** The command line cannot be understood; the message says what is wrong. */
export class UsageError extends Error {}

export type ImportArguments = Omit<ImportOptions, 'organization'> & {
  /** The slug; the only organization, or the demo's, when absent. */
  organization: string | undefined;
};

/** Reads the command line; undefined asks for the help. Throws UsageError. */
export function readArguments(argv: string[]): ImportArguments | undefined {
  const { values, positionals } = parse(argv);
  if (values.help) return undefined;
  const [file, ...more] = positionals;
  if (!file) throw new UsageError('Which file?');
  if (more.length > 0) throw new UsageError(`One file at a time: ${more.join(', ')} is too many.`);
  const refusedFile = values.refused ?? `${path.parse(file).name}.refused.csv`;
  if (path.resolve(refusedFile) === path.resolve(file)) {
    throw new UsageError('--refused is the file itself: refused rows need a file of their own.');
  }
  return {
    file,
    into: oneOf('--into', values.into, targets) ?? fail('--into is needed: ' + targets.join(', ')),
    organization: values.organization,
    mapping: values.mapping,
    pipeline: name('--pipeline', values.pipeline),
    currency: currency(values.currency),
    source: name('--source', values.source),
    createMissing: values['create-missing'],
    dayOrder: oneOf('--dates', values.dates, ['dmy', 'mdy'] satisfies DayOrder[]),
    encoding: values.encoding?.toLowerCase(),
    separator: separator(values.separator),
    isDryRun: values['dry-run'],
    refusedFile,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        into: { type: 'string' },
        organization: { type: 'string' },
        mapping: { type: 'string' },
        pipeline: { type: 'string' },
        currency: { type: 'string' },
        source: { type: 'string' },
        'create-missing': { type: 'boolean', default: false },
        dates: { type: 'string' },
        encoding: { type: 'string' },
        separator: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        refused: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function oneOf<const T extends string>(
  option: string,
  given: string | undefined,
  known: readonly T[],
): T | undefined {
  if (given === undefined) return undefined;
  return known.find((one) => one === given) ?? fail(`${option} is one of ${known.join(', ')}.`);
}

function name(option: string, given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const text = given.trim();
  if (text === '' || text.length > 100) fail(`${option} has 1 to 100 letters.`);
  return text;
}

function currency(given: string | undefined): string | undefined {
  const code = given?.toUpperCase();
  if (code !== undefined && !isCurrency(code)) fail(`--currency ${code} is not a currency.`);
  return code;
}

function separator(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const letter = given === '\\t' || given === 'tab' ? '\t' : given;
  return letter.length === 1 && !/["\r\n]/.test(letter)
    ? letter
    : fail('--separator is one letter, or tab.');
}

function fail(message: string): never {
  throw new UsageError(message);
}

const fieldsHelp = (target: TargetName): string => {
  const names = fieldsOf[target].map(({ name: field }) => field);
  if (hasCustomValues(target)) names.push('custom.<anything>');
  return `  ${target.padEnd(10)} ${names.join(', ')}`;
};

export const help = `Imports a table (CSV) into an organization.

  npm run import -- <file> --into ${targets.join('|')} [options]

  --organization <slug>   by default the only one, else "demo"
  --mapping <json>        {"column": "field"}, or a file with it; guessed from the header when absent
  --pipeline <name>       of deals; made when there is none so called; by default the default pipeline
  --currency <code>       of amounts, where the file names none; by default the organization's
  --create-missing        makes customers, members and products that rows name and nobody knows;
                          otherwise such rows are refused
  --source <name>         where the file comes from; keeps its ids apart from those of other files
  --dates dmy|mdy         which of 03/04/2026 is the day; found out where the column shows it
  --encoding <name>       utf-8, utf-16le, windows-1251, …; found out when absent
  --separator <letter>    , ; tab |; found out when absent
  --refused <file>        where refused rows go, with line, column and reason;
                          by default <name of the file>.refused.csv
  --dry-run               says what would happen; writes the file of refused rows and nothing else

Fields:
${targets.map(fieldsHelp).join('\n')}

Rows are known again by externalId, else by name; deals without an id by what they are about. So a
second run skips what is there, and changes only the mapped columns of what differs; a blank cell
changes nothing. A deal that its state calls won or lost goes into such a stage, whatever its stage
says; the closing date of an open deal is its expected one. An amount that names its currency, as €5
does, has that one. It works beside a running server, in batches; imports into one organization wait
for each other. The exit code is 0 also when rows were refused, 1 when the import could not go to the
end of the file, 2 when the command or the mapping is wrong.
`;
