import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { auditKey } from '#server/audit/key.ts';
import { sealHistory } from '#server/audit/seal.ts';
import { readBatch } from '#server/readers/batch.ts';
import { history } from '#server/readers/history.ts';
import { newCustomer, startTeam } from '#tests/features/team.ts';

test('what is sealed is verified, erased and read again by commands', async () => {
  await using team = await startTeam();
  const { organizationId } = team.owner;
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-commands-'));
  const command = (name: string, ...args: string[]): Promise<[code: number, said: string]> => {
    const file = fileURLToPath(new URL(`../../server/commands/${name}.ts`, import.meta.url));
    const env = { DATABASE_URL: team.database.url, DATA_DIR: dataDir };
    return new Promise((resolve) => {
      execFile(process.execPath, [file, ...args], { env }, (error, out, problems) =>
        resolve([error ? Number(error.code) : 0, out + problems]),
      );
    });
  };
  const readAndSeal = async () => {
    while ((await readBatch(team.app.pool, { reader: history, organizationId })).state !== 'done');
    await sealHistory({
      owner: team.database.owner.pool,
      key: auditKey({ auditKey: undefined, dataDir }),
      heads: path.join(dataDir, 'audit-heads.jsonl'),
      signal: new AbortController().signal,
    });
  };
  try {
    const { id } = await newCustomer(await team.as(team.owner), { name: 'Somebody' });
    await readAndSeal();
    expect(await command('verify-audit')).toEqual([
      0,
      expect.stringContaining('nothing was changed'),
    ]);
    const calls = await team.as(team.owner);
    const other = await newCustomer(calls, { name: 'Another', notes: 'The friend of Somebody' });
    await readAndSeal();
    const place = `customers/${other.id}/notes`;
    expect(await command('erase', '--customer', id, '--find')).toEqual([
      0,
      `customers: 1\n  ${place}: The friend of █\n`,
    ]);
    expect(await command('erase', '--customer', id, '--blank', 'deals/x/title')).toEqual([
      1,
      expect.stringContaining('is not named in deals/x/title'),
    ]);
    expect(await command('erase', '--customer', id, '--blank', place)).toEqual([
      0,
      expect.stringContaining('erased'),
    ]);
    const unknown = '00000000-0000-0000-0000-000000000001';
    expect(await command('erase', '--customer', unknown)).toEqual([
      1,
      expect.stringContaining('knows nobody'),
    ]);
    await readAndSeal();
    expect((await command('verify-audit'))[0]).toBe(0);
    expect(await command('readers', '--list')).toEqual([0, expect.stringContaining('history')]);
    const again = await command('readers', '--replay', 'history', '--from', '1');
    expect(again).toEqual([0, expect.stringMatching(/history .* has read \d+ transactions again/)]);
    expect((await command('verify-audit'))[0]).toBe(0);
    expect(await command('readers', '--retry-poison', 'history')).toEqual([
      0,
      expect.stringContaining('nothing is set aside'),
    ]);
    expect((await command('readers', '--replay', 'nobody', '--from', '1'))[0]).toBe(1);
    await team.database.owner.pool.query(`update sync.history set actor = 'x' where pos = 1`);
    expect(await command('verify-audit')).toEqual([1, expect.stringContaining('changed')]);
  } finally {
    await rm(dataDir, { recursive: true });
  }
}, 60_000);
