import { randomUUID } from 'node:crypto';
import { commit, type Committer } from '../live/commit.ts';
import { read, type Scope } from '../live/transaction.ts';
import { type CsvFault, type CsvRecord, UnreadableFile } from './csv.ts';
import type { TargetName } from './fields.ts';
import type { MappedColumn } from './mapping.ts';
import type { Plan, Target, WrittenTable } from './plan.ts';
import { contextOf, currencyOf, mapColumns, openTarget } from './prepare.ts';
import { RefusedFile } from './refused.ts';
import { type Refusal, type Row, RowReader } from './rows.ts';
import { openTable } from './source.ts';
import { takeTurn } from './turn.ts';
import type { DayOrder } from './values.ts';
import { writePlan } from './write.ts';

export interface ImportOptions {
  file: string;
  into: TargetName;
  organization: { id: string; currency: string };
  /** Where refused rows go. */
  refusedFile: string;
  /** {column: field}, as JSON or the name of a file with it; guessed when absent. */
  mapping?: string | undefined;
  pipeline?: string | undefined;
  currency?: string | undefined;
  separator?: string | undefined;
  encoding?: string | undefined;
  source?: string | undefined;
  dayOrder?: DayOrder | undefined;
  createMissing?: boolean;
  isDryRun?: boolean;
  signal?: AbortSignal;
}

export interface Counts {
  created: number;
  updated: number;
  skipped: number;
  refused: number;
}

export interface Importer extends Committer {
  /** Refreshes the planner's statistics, for every connection to the database. */
  analyze(): Promise<void>;
}

/** Told as the import goes on. */
export interface Listener {
  /** Another import into the organization is under way; this one begins after it. */
  waiting(): void;
  opened(facts: Opened): void;
  /** `fraction` of the file, from 0 to 1. */
  moved(progress: Counts & { fraction: number }): void;
}

export interface Opened {
  encoding: string;
  separator: string;
  columns: MappedColumn[];
  ignored: string[];
  currency: string;
  currencyFrom: 'option' | 'file' | 'organization';
  pipeline: string | undefined;
}

export interface Summary extends Counts {
  refusedFile: string | undefined;
  /** The first refusals. */
  refusals: Refusal[];
  made: [WrittenTable, number][];
  /** As `Proposal` and `Sold (won)`. */
  madeStages: string[];
  /** Why the rest of the file was not read. */
  stopped: string | undefined;
}

const BATCH = 200;
const SAMPLE = 2000;
const FIRST_ANALYZE = 600;
const SHOWN = 10;

/**
 * Imports a table in batches of one transaction each, all under one run id: what is in is whole, and
 * every row that is not is listed. Running it again skips what is there. Imports into one organization
 * wait for each other. Throws UnreadableFile and BadMapping before anything is written.
 */
export async function importTable(
  live: Importer,
  options: ImportOptions,
  listener: Listener,
): Promise<Summary> {
  const endTurn = options.isDryRun
    ? () => undefined
    : await takeTurn(live.pool, options.organization.id, {
        signal: options.signal,
        waiting: () => listener.waiting(),
      });
  if (!endTurn) throw new UnreadableFile('Stopped before the first line.');
  try {
    return await importInTurn(live, options, listener);
  } finally {
    endTurn();
  }
}

async function importInTurn(
  live: Importer,
  options: ImportOptions,
  listener: Listener,
): Promise<Summary> {
  const table = await openTable(options.file, options);
  const scope = {
    organizationId: options.organization.id,
    actor: 'import',
    runId: `import ${randomUUID()}`,
  };
  const { records, sample } = await takeSample(table.rows);
  const columns = await mapColumns(table, options, sample);
  const named = currencyOf(columns, options);
  const context = contextOf(columns, { ...options, ...named });
  const reader = new RowReader(
    { columns, header: table.header, currency: named.currency, dayOrder: options.dayOrder },
    sample,
  );
  const { target, directory, pipeline } = await read(live.pool, scope, (tx) =>
    openTarget(tx, { context, options, rows: rowsOf(reader, sample) }),
  );
  listener.opened({
    ...named,
    encoding: table.encoding,
    separator: table.separator,
    columns,
    ignored: table.header.filter((_, at) => !columns.some((column) => column.at === at)),
    pipeline: pipeline?.name,
  });

  const counts: Counts = { created: 0, updated: 0, skipped: 0, refused: 0 };
  const refusals: Refusal[] = [];
  const refusedFile = new RefusedFile(options.refusedFile, table.header);
  const refuse = async (refused: Refusal[]) => {
    counts.refused += refused.length;
    refusals.push(...refused.slice(0, SHOWN - refusals.length));
    await refusedFile.add(refused);
  };
  let stopped: string | undefined;
  let analyzeAt = FIRST_ANALYZE;
  try {
    for await (const batch of inBatches(records)) {
      if (options.signal?.aborted) {
        stopped = `Stopped before line ${batch[0]?.line ?? 0}. Run it again to go on.`;
        break;
      }
      const done = await importBatch(live, {
        scope,
        target,
        reader,
        batch,
        isDryRun: options.isDryRun,
      });
      counts.created += done.created;
      counts.updated += done.updated;
      counts.skipped += done.skipped;
      await refuse(done.refusals);
      listener.moved({ ...counts, fraction: table.progress() });
      // Plans made while the tables were small look rows up by indexes that no longer find just one.
      if (!options.isDryRun && counts.created >= analyzeAt) {
        await live.analyze();
        analyzeAt *= 4;
      }
    }
    if (!options.isDryRun && counts.created > 0) await live.analyze();
  } catch (error) {
    if (error instanceof UnreadableFile) stopped = error.message;
    else if (isLost(error))
      stopped = 'The database is gone; what is in is whole. Run it again to go on.';
    else throw error;
  } finally {
    await refusedFile.close();
  }
  return {
    ...counts,
    refusals,
    refusedFile: counts.refused > 0 ? options.refusedFile : undefined,
    made: [...directory.made],
    madeStages: pipeline?.made ?? [],
    stopped,
  };
}

/** Whether the line to the database broke, or it was shut down. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return /^(?:08|57P0|ECONN)/.test(code) || error.message.startsWith('Connection terminated');
}

async function importBatch(
  live: Committer,
  {
    scope,
    target,
    reader,
    batch,
    isDryRun,
  }: {
    scope: Scope;
    target: Target;
    reader: RowReader;
    batch: (CsvRecord | CsvFault)[];
    isDryRun: boolean | undefined;
  },
): Promise<Omit<Counts, 'refused'> & { refusals: Refusal[] }> {
  const results = batch.map((record) => reader.read(record));
  const unread = results.filter((result) => 'reason' in result);
  const rows = results.filter((result) => 'values' in result);
  const plan = await read(live.pool, scope, (tx) => target.plan(tx, rows));
  const unwritten = isDryRun || !hasWrites(plan) ? [] : await write(live, scope, plan);
  const lines = new Set(unwritten.map(({ line }) => line));
  const count = (outcome: string) =>
    plan.rows.filter((planned) => planned.outcome === outcome && !lines.has(planned.row.line))
      .length;
  return {
    created: count('created'),
    updated: count('updated'),
    skipped: count('skipped'),
    refusals: [...unread, ...plan.refused, ...unwritten].toSorted((a, b) => a.line - b.line),
  };
}

const hasWrites = ({ setup, rows }: Plan): boolean =>
  setup.length > 0 || rows.some(({ writes }) => writes.length > 0);

async function write(live: Committer, scope: Scope, plan: Plan): Promise<Refusal[]> {
  const { data } = await commit(live, scope, (tx) => writePlan(tx, scope.organizationId, plan));
  return data;
}

function rowsOf(reader: RowReader, records: (CsvRecord | CsvFault)[]): Row[] {
  return records.map((record) => reader.read(record)).filter((result) => 'values' in result);
}

type Records = AsyncIterable<CsvRecord | CsvFault>;

/** The first records, to decide by, and all of them from the first one on. */
async function takeSample(
  rows: AsyncGenerator<CsvRecord | CsvFault>,
): Promise<{ records: Records; sample: (CsvRecord | CsvFault)[] }> {
  const sample: (CsvRecord | CsvFault)[] = [];
  let failed: Error | undefined;
  try {
    while (sample.length < SAMPLE) {
      const next = await rows.next();
      if (next.done) break;
      if (!isEmpty(next.value)) sample.push(next.value);
    }
  } catch (error) {
    failed = error instanceof Error ? error : new Error(String(error));
  }
  const records = async function* (): AsyncGenerator<CsvRecord | CsvFault> {
    yield* sample;
    if (failed) throw failed;
    for await (const record of rows) if (!isEmpty(record)) yield record;
  };
  return { records: records(), sample };
}

const isEmpty = (record: CsvRecord | CsvFault): boolean =>
  'cells' in record && record.cells.every((cell) => cell.trim() === '');

async function* inBatches(records: Records): AsyncGenerator<(CsvRecord | CsvFault)[]> {
  let batch: (CsvRecord | CsvFault)[] = [];
  for await (const record of records) {
    batch.push(record);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
