import { readFile } from 'node:fs/promises';
import type { Tx } from '../live/transaction.ts';
import { DealTarget } from './deals.ts';
import type { CsvFault, CsvRecord } from './csv.ts';
import { type Directory, loadDirectory } from './directory.ts';
import { fieldsOf } from './fields.ts';
import { BadMapping, givenMapping, guessMapping, type MappedColumn } from './mapping.ts';
import { findPipeline, MOST_STAGES, type PipelineTarget } from './pipeline.ts';
import type { ImportContext, Target } from './plan.ts';
import { customerTarget, memberTarget, productTarget } from './records.ts';
import { type Row, textsOf } from './rows.ts';
import type { ImportOptions, Opened } from './run.ts';
import type { Table } from './source.ts';
import { currencyIn } from './values.ts';

/** The columns as given, else as guessed. Throws BadMapping where they do not say enough. */
export async function mapColumns(
  { header }: Table,
  { into, mapping }: ImportOptions,
  sample: (CsvRecord | CsvFault)[],
): Promise<MappedColumn[]> {
  const columns = mapping
    ? givenMapping(into, { header, mapping: await readMapping(mapping) })
    : guessMapping(into, header, (at) => textsOf(sample, at));
  const missing = fieldsOf[into].find(
    (field) => field.isRequired && !columns.some((column) => column.field === field),
  );
  if (missing) {
    throw new BadMapping(
      `No column of the first line (${header.join(', ')}) could be taken for ${missing.name}: say which with --mapping '{"column": "${missing.name}"}'.`,
    );
  }
  if (into === 'deals' && !columns.some(({ field }) => identifying.includes(field.name))) {
    throw new BadMapping(
      `No column of the first line (${header.join(', ')}) says what a deal is: say with --mapping which is ${identifying.join(', ')}.`,
    );
  }
  return columns;
}

const identifying = ['externalId', 'title', 'customer', 'product'];

async function readMapping(given: string): Promise<unknown> {
  try {
    const text = /^\s*[{[]/.test(given) ? given : await readFile(given, 'utf8');
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new BadMapping(
      `The mapping cannot be read: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

/** What amounts are in: as the option says, else the header, else the organization. */
export function currencyOf(
  columns: MappedColumn[],
  { currency, organization }: ImportOptions,
): Pick<Opened, 'currency' | 'currencyFrom'> {
  if (currency) return { currency, currencyFrom: 'option' };
  const amounts = columns.find(({ field }) => field.kind === 'money' || field.name === 'price');
  // `Amount (USD)`, `Amount, $`, `Amount USD`, `Бюджет ₽`
  const unit = /(?:[(,[]\s*([^()[\]]+)[)\]]?|\s(\S+))\s*$/.exec(amounts?.header ?? '');
  const meant = currencyIn(unit?.[1] ?? unit?.[2] ?? '') ?? [];
  const own = organization.currency;
  const [first] = meant;
  return first
    ? { currency: meant.includes(own) ? own : first, currencyFrom: 'file' }
    : { currency: own, currencyFrom: 'organization' };
}

export function contextOf(
  columns: MappedColumn[],
  {
    organization,
    currency,
    currencyFrom,
    source,
    createMissing = false,
  }: ImportOptions & Pick<Opened, 'currency' | 'currencyFrom'>,
): ImportContext {
  const headers = new Map(columns.map(({ field, header }) => [field.name, header]));
  return {
    organizationId: organization.id,
    currency,
    isCurrencyNamed: currencyFrom !== 'organization',
    source,
    createMissing,
    headerOf: (field) => headers.get(field) ?? field,
  };
}

/** What rows go into, with what they may name loaded; the first rows tell which stages there are. */
export async function openTarget(
  tx: Tx,
  { context, options, rows }: { context: ImportContext; options: ImportOptions; rows: Row[] },
): Promise<{ target: Target; directory: Directory; pipeline: PipelineTarget | undefined }> {
  const directory = await loadDirectory(tx, context);
  switch (options.into) {
    case 'customers':
      return { target: customerTarget(context, directory), directory, pipeline: undefined };
    case 'products':
      return { target: productTarget(context, directory), directory, pipeline: undefined };
    case 'members':
      return { target: memberTarget(context, directory), directory, pipeline: undefined };
    case 'deals': {
      const pipeline = await findPipeline(tx, context, options.pipeline);
      const names = rows.flatMap(({ values }) =>
        values['stage'] ? [String(values['stage'])] : [],
      );
      if (!pipeline.addStages(names)) {
        throw new BadMapping(
          `The file names more than ${MOST_STAGES} stages (${names[0] ?? ''}, …): is this the right column?`,
        );
      }
      return { target: new DealTarget(context, directory, pipeline), directory, pipeline };
    }
  }
}
