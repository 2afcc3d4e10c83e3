import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createApi, toCallError } from '#lib/api.ts';
import { newId } from '#lib/shared/ids.ts';
import { askEmbedded } from '#tests/support/postmaster.ts';
import { freePort, startProgram } from '#tests/support/server.ts';

/** A small disk of its own, where this user may make one. */
async function smallDisk(): Promise<{ folder: string; eject(): Promise<void> } | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'syncline-disk-'));
  const eject = async () => {
    execFileSync('umount', [folder], { stdio: 'ignore' });
    await rm(folder, { recursive: true, force: true });
  };
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=260m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
  await chmod(folder, 0o755);
  return { folder, eject };
}

const disk = await smallDisk();

/** Takes up what is free but for a little. */
async function fill(folder: string, left: number): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const ballast = path.join(folder, 'ballast');
  const file = await open(ballast, 'w');
  const block = Buffer.alloc(1_000_000);
  for (let bytes = bavail * bsize - left; bytes > 0; bytes -= block.length)
    await file.write(block, 0, Math.min(bytes, block.length));
  await file.close();
  return ballast;
}

test.skipIf(!disk)(
  'on a full disk writes are refused as unavailable, and when there is room again nothing acknowledged is lost',
  async () => {
    if (!disk) return;
    const port = await freePort();
    const program = await startProgram({ port, env: { DATA_DIR: disk.folder, DEMO: '1' } });
    try {
      const origin = `http://127.0.0.1:${port}`;
      const { tokens } = await createApi({ origin }).call.auth.login.mutate({
        email: 'anna@demo.test',
        password: 'demo-syncline',
        organization: 'demo',
      });
      const headers = { authorization: `Bearer ${tokens.access}` };
      const { client } = createApi({ origin, organization: 'demo', headers });
      const write = async (id: string): Promise<string> => {
        const input = { id, name: `Customer ${id}`, notes: randomBytes(4_500).toString('hex') };
        const context = { mutationId: `write-${id}` };
        try {
          await client.mutation('customers.create', input, { context });
          return 'done';
        } catch (error) {
          return toCallError(error)?.code ?? 'unreached';
        }
      };
      expect(await write(newId())).toBe('done');

      const ballast = await fill(disk.folder, 3_000_000);
      const done: string[] = [];
      const open: string[] = [];
      const met = new Set<string>();
      for (let tries = 0; tries < 4_000 && open.length < 5; tries += 1) {
        const id = newId();
        const outcome = await write(id);
        if (outcome === 'done') done.push(id);
        else open.push(id);
        if (outcome !== 'done') met.add(outcome);
      }
      expect(done.length).toBeGreaterThan(0);
      expect(open.length).toBe(5);
      expect([...met].filter((code) => code !== 'UNAVAILABLE')).toEqual([]);

      await rm(ballast);
      const again = async (id: string): Promise<void> => {
        for (let tries = 0; (await write(id)) !== 'done'; tries += 1) {
          if (tries > 300) throw new Error(`It never took ${id}:\n${program.output()}`);
          await sleep(100);
        }
      };
      for (const id of open) await again(id);
      const rows = await askEmbedded<{ id: string; n: number }>(
        disk.folder,
        `select l.id::text as id, count(*)::int as n from sync.change_log l
         where l.entity = 'customers' and l.op = 'I' and length(l.after ->> 'notes') = 9000 group by 1`,
      );
      const counts = new Map(rows.map(({ id, n }) => [id, n]));
      for (const id of [...done, ...open]) expect([id, counts.get(id)]).toEqual([id, 1]);
      expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    } finally {
      await program.end('SIGTERM');
      await disk.eject();
    }
  },
  180_000,
);
