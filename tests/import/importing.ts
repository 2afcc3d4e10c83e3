import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { parse } from 'csv-parse/sync';
import { fillDemo } from '#server/demo.ts';
import { analyze } from '#server/import/analyze.ts';
import { importTable, type ImportOptions, type Opened, type Summary } from '#server/import/run.ts';
import { Flush } from '#server/live/flush.ts';
import { freshDatabase, type TestDatabase } from '#tests/support/database.ts';

export interface Imported extends Summary {
  opened: Opened;
}

export interface Importing extends AsyncDisposable {
  base: TestDatabase;
  organizationId: string;
  /** Imports a file, or text as a file. */
  run(
    input: { file: string } | { text: string | Uint8Array },
    options: Pick<ImportOptions, 'into'> & Partial<ImportOptions> & { onBatch?: () => void },
  ): Promise<Imported>;
  /** The cells of the file of refused rows, header first. */
  refused(): Promise<string[][]>;
  /** Rows of a query, past row security. */
  ask(query: string): Promise<Record<string, unknown>[]>;
}

/** The demo organization, whose currency is RUB, in a database of its own. */
export async function importing(): Promise<Importing> {
  const base = await freshDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), 'syncline-import-'));
  const refusedFile = path.join(folder, 'refused.csv');
  const live = {
    pool: base.pool,
    flush: new Flush(base.pool),
    poke: () => undefined,
    analyze: () => analyze(base.url),
  };
  await fillDemo({ live }, { password: 'demo-syncline' });
  const { rows } = await base.owner.pool.query<{ id: string; currency: string }>(
    `select id, currency from organizations where slug = 'demo'`,
  );
  const [organization] = rows;
  if (!organization) throw new Error('The demo is not there');
  return {
    base,
    organizationId: organization.id,
    async run(input, { onBatch = () => undefined, ...options }) {
      const file = 'file' in input ? input.file : path.join(folder, `${randomUUID()}.csv`);
      if ('text' in input) await writeFile(file, input.text);
      const told: Opened[] = [];
      const summary = await importTable(
        live,
        { file, organization, refusedFile, ...options },
        { waiting: () => undefined, opened: (facts) => told.push(facts), moved: onBatch },
      );
      const [opened] = told;
      if (!opened) throw new Error('The import told nothing');
      return { ...summary, opened };
    },
    async refused() {
      return parse(await readFile(refusedFile), { bom: true, relax_column_count: true });
    },
    ask: async (query) => (await base.owner.pool.query<Record<string, unknown>>(query)).rows,
    async [Symbol.asyncDispose]() {
      await base.drop();
      await rm(folder, { recursive: true });
    },
  };
}

export const counts = ({ created, updated, skipped, refused }: Summary) => ({
  created,
  updated,
  skipped,
  refused,
});
