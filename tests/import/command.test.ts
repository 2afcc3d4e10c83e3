import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readArguments, UsageError } from '#server/import/arguments.ts';
import { givenMapping } from '#server/import/mapping.ts';
import { openAs, until } from '#tests/support/person.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

const program = fileURLToPath(new URL('../../server/import/main.ts', import.meta.url));
let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await startServer({ demo: true });
  folder = await mkdtemp(path.join(tmpdir(), 'syncline-command-'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

interface Ended {
  code: number;
  output: string;
}

/** The command as a process of its own, in the folder, beside the server. */
function importCommand(...args: string[]): Promise<Ended> {
  const env = { DATABASE_URL: server.databaseUrl, DATA_DIR: folder };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder, env }, (error, out, problems) => {
      resolve({ code: error ? Number(error.code) : 0, output: out + problems });
    });
  });
}

async function table(name: string, ...lines: string[]): Promise<string> {
  await writeFile(path.join(folder, name), lines.join('\n'));
  return name;
}

test(
  'an import beside a running server reaches an open board, and ends well with rows refused',
  { timeout: 120_000 },
  async () => {
    const anna = await openAs(server.url, 'anna@demo.test');
    const pipelines = anna.live.subscribe('pipelines', {});
    await until('the pipelines are there', () => pipelines.ready);
    const pipelineId = anna.live.rows('pipelines').all.find(({ isDefault }) => isDefault)?.id ?? '';
    const deals = anna.live.subscribe('pipelineDeals', { pipelineId, state: 'open' });
    await until('the board is open', () => deals.ready);
    const rows = Array.from({ length: 500 }, (_, at) => `n${at},Imported ${at},Лид,${at}`);
    const file = await table('new deals.csv', 'id,name,stage,amount', ...rows, 'bad,Bad,Лид,ten');
    const { code, output } = await importCommand(file, '--into', 'deals', '--organization', 'demo');
    expect(output).toContain('created 500, updated 0, skipped 0, refused 1');
    expect(output).toContain('line 502, amount: “ten” is not a number');
    expect(output).toContain('RUB (the file names none');
    expect(code).toBe(0);
    expect(await readFile(path.join(folder, 'new deals.refused.csv'), 'utf8')).toContain(
      '\r\n502,amount,',
    );
    const imported = () =>
      anna.live.rows('deals').all.filter(({ title }) => title.startsWith('Imported '));
    await until('every imported deal is on the board', () => imported().length === 500);
    anna.leave();
  },
);

// Ctrl-C reaches every process of `npm run`, and the one above hands it on: it comes twice.
test('an import that is interrupted says how far it came', { timeout: 120_000 }, async () => {
  const rows = Array.from(
    { length: 40_000 },
    (_, at) => `i${at},Interrupted ${at},${at ? 1 : 'x'}`,
  );
  const file = await table('i.csv', 'id,title,amount', ...rows);
  const args = [program, file, '--into', 'deals', '--organization', 'demo'];
  const env = { DATABASE_URL: server.databaseUrl, DATA_DIR: folder };
  const child = spawn(process.execPath, args, { cwd: folder, env });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  await until('it has begun', () => output.includes('currency:'));
  const closed = new Promise((resolve) => child.once('close', resolve));
  let times = 0;
  await until('it was told three times', () => child.kill('SIGINT') && ++times === 3);
  const code = await closed;
  expect(output).toMatch(/created \d+, updated 0, skipped 0, refused [01] .*\n/);
  expect(output).toContain('NOT FINISHED. Stopped before line');
  expect(code).toBe(1);
});

test(
  'a wrong command ends with 2 and says what is wrong, a file cut short with 1',
  { timeout: 120_000 },
  async () => {
    const deals = await table('d.csv', 'x,y', '1,2');
    const endless = await table('e.csv', 'title', 'First', 'x'.repeat(101_000_000));
    const workbook = await table('w.csv', 'PK\u0003\u0004');
    const cases: [string[], number, string][] = [
      [[], 2, 'Which file?'],
      [['absent.csv', '--into', 'deals'], 2, 'cannot be read'],
      [[deals, '--into', 'deals', '--organization', 'demo'], 2, 'what a deal is'],
      [[endless, '--into', 'deals'], 1, 'Line 3 has no end'],
      [[workbook, '--into', 'deals'], 1, 'Excel workbook'],
      [[deals, '--into', 'deals', '--refused', 'no/such.csv'], 2, 'cannot be written'],
      [['--help'], 0, '--create-missing'],
    ];
    for (const [args, code, words] of cases) {
      expect(await importCommand(...args)).toEqual({
        code,
        output: expect.stringContaining(words),
      });
    }
  },
);

test.each([
  [['a.csv'], '--into is needed'],
  [['a.csv', '--into', 'stages'], '--into is one of'],
  [['a.csv', 'b.csv', '--into', 'deals'], 'One file at a time'],
  [['a.csv', '--into', 'deals', '--speed'], '--speed'],
  [['a.csv', '--into', 'deals', '--currency', 'GOLD'], 'not a currency'],
  [['a.csv', '--into', 'deals', '--separator', '::'], '--separator'],
  [['a.csv', '--into', 'deals', '--dates', 'ymd'], '--dates is one of'],
  [['a.csv', '--into', 'deals', '--refused', './a.csv'], '--refused is the file itself'],
])('the command %j is refused', (args, words) => {
  expect(() => readArguments(args)).toThrow(UsageError);
  expect(() => readArguments(args)).toThrow(words);
});

test.each([
  [{ z: 'title' }, 'no column “z”'],
  [{ x: 'colour' }, 'no field "colour"'],
  [{ x: 'title', y: 'title' }, 'Two columns'],
  [['title'], 'not an object'],
])('the mapping %j is refused', (mapping, words) => {
  expect(() => givenMapping('deals', { header: ['x', 'y'], mapping })).toThrow(words);
});
