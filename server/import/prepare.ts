import { readFile } from 'node:fs/promises';
import type { Tx } from '../live/transaction.ts';
import { DealTarget } from './deals.ts';
import { type Directory, loadDirectory } from './directory.ts';
import { fieldsOf } from './fields.ts';
import { BadMapping, givenMapping, guessMapping, type MappedColumn } from './mapping.ts';
import { findPipeline } from './pipeline.ts';
import type { ImportContext, Target } from './plan.ts';
import { customerTarget, memberTarget, productTarget } from './records.ts';
import type { Row } from './rows.ts';
import type { ImportOptions, Opened } from './run.ts';
import type { Table } from './source.ts';
import { currencyIn } from './values.ts';

/** The columns as given, else as guessed. Throws BadMapping where they do not say enough. */
export async function mapColumns(
  { header }: Table,
  { into, mapping }: ImportOptions,
): Promise<MappedColumn[]> {
  const columns = mapping
    ? givenMapping(into, { header, mapping: await readMapping(mapping) })
    : guessMapping(into, header);
  const missing = fieldsOf[into].find(
    (field) => field.isRequired && !columns.some((column) => column.field === field),
  );
  if (missing) {
    throw new BadMapping(
      `No column of ${header.join(', ')} could be taken for ${missing.name}: say which with --mapping '{"column": "${missing.name}"}'.`,
    );
  }
  if (into === 'deals' && !columns.some(({ field }) => identifying.includes(field.name))) {
    throw new BadMapping(
      `No column of ${header.join(', ')} says what a deal is: map one to ${identifying.join(', ')}.`,
    );
  }
  return columns;
}

const identifying = ['externalId', 'title', 'customer', 'product'];

async function readMapping(given: string): Promise<unknown> {
  try {
    return JSON.parse(given.trim().startsWith('{') ? given : await readFile(given, 'utf8'));
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
  const unit = /[(,[]\s*([^()[\]]+)[)\]]?\s*$/.exec(amounts?.header ?? '')?.[1] ?? '';
  const [meant] = currencyIn(unit) ?? [];
  return meant
    ? { currency: meant, currencyFrom: 'file' }
    : { currency: organization.currency, currencyFrom: 'organization' };
}

export function contextOf(
  columns: MappedColumn[],
  { organization, currency, source, createMissing = false }: ImportOptions & { currency: string },
): ImportContext {
  const headers = new Map(columns.map(({ field, header }) => [field.name, header]));
  return {
    organizationId: organization.id,
    currency,
    source,
    createMissing,
    headerOf: (field) => headers.get(field) ?? field,
  };
}

/** What rows go into, with what they may name loaded; the first rows tell which stages there are. */
export async function openTarget(
  tx: Tx,
  { context, options, rows }: { context: ImportContext; options: ImportOptions; rows: Row[] },
): Promise<{ target: Target; directory: Directory; pipeline: string | undefined }> {
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
      pipeline.addStages(
        rows.flatMap(({ values }) => (values['stage'] ? [String(values['stage'])] : [])),
      );
      const target = new DealTarget(context, directory, pipeline);
      return { target, directory, pipeline: pipeline.name };
    }
  }
}
