import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { dice } from '#tests/support/dice.ts';
import { addTeam, begin, change, faultsOf, logBase } from './log.ts';

test.each([
  { writers: 8, organizations: 1 },
  { writers: 32, organizations: 3 },
])(
  '$writers writers of the same rows in $organizations organizations keep the log dense',
  { timeout: 90_000 },
  async ({ writers, organizations }) => {
    await using log = await logBase();
    const orgs: string[] = [];
    for (let at = 0; at < organizations; at += 1) orgs.push((await log.newOrganization()).org);
    for (const org of orgs) {
      await change(log.pool, org, ...Array.from({ length: 10 }, (_, at) => addTeam(`team ${at}`)));
    }
    let refused = 0;
    const write = async (writer: number) => {
      const roll = dice(writer + 1);
      for (let round = 0; round < 25; round += 1) {
        const tx = await begin(log.pool, orgs[roll(orgs.length)] ?? '');
        try {
          for (let step = roll(3); step >= 0; step -= 1) {
            const name = `team ${roll(10)}`;
            const what = roll(10);
            if (what < 6) {
              await tx.run('update teams set external_id = $1 where name = $2', [
                randomUUID(),
                name,
              ]);
            } else if (what < 8) {
              await tx.run(
                `${addTeam(name)} on conflict (organization_id, name) do update set external_id = null`,
              );
            } else await tx.run('delete from teams where name = $1', [name]);
            if (roll(4) === 0) await sleep(roll(5));
          }
          if (roll(6) === 0) await tx.rollback();
          else await tx.commit();
        } catch (error) {
          await tx.rollback();
          // A deadlock, or the name's own key, which is not the one that the conflict is resolved by.
          const code = error instanceof Error && 'code' in error ? error.code : '';
          if (code !== '40P01' && code !== '23505') throw error;
          refused += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    expect(refused).toBeLessThan(writers * 25);
    expect(await faultsOf(log)).toEqual([]);
  },
);

test(
  'transactions that write several organizations in any order never deadlock',
  { timeout: 60_000 },
  async () => {
    await using log = await logBase();
    const orgs: string[] = [];
    for (let at = 0; at < 3; at += 1) orgs.push((await log.newOrganization()).org);
    const write = async (writer: number) => {
      const roll = dice(writer + 1);
      for (let round = 0; round < 30; round += 1) {
        const tx = await begin(log.pool, orgs[0] ?? '');
        for (const org of orgs.toSorted(() => roll(3) - 1)) {
          await tx.run(`select set_config('app.organization_id', $1, true)`, [org]);
          await tx.run(addTeam(randomUUID()));
        }
        await tx.commit();
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
    for (const org of orgs) expect(await log.head(org)).toBe(1 + 8 * 30);
    expect(await faultsOf(log)).toEqual([]);
  },
);

test(
  'rows that are deleted and made again by racing transactions keep growing versions',
  { timeout: 60_000 },
  async () => {
    await using log = await logBase();
    const { org } = await log.newOrganization();
    const ids = Array.from({ length: 20 }, () => randomUUID()).sort();
    const rows = ids.map((id) => `(sync.org(), '${id}', '${id}')`).join(', ');
    const make = `insert into teams (organization_id, id, name) values ${rows}
    on conflict (organization_id, id) do update set external_id = gen_random_uuid()::text`;
    const race = async (statement: string) => {
      for (let round = 0; round < 20; round += 1) {
        await change(log.pool, org, statement).catch((error: unknown) => {
          // Deadlocks, and names that two inserts bring before either has found the other's id.
          if (!(error instanceof Error) || !('code' in error)) throw error;
          if (error.code !== '40P01' && error.code !== '23505') throw error;
        });
      }
    };
    await Promise.all([race(make), race('delete from teams'), race(make)]);
    expect(await faultsOf(log)).toEqual([]);
  },
);

test(
  '100,000 rows are captured in one position, when made and when changed',
  { timeout: 300_000 },
  async () => {
    await using log = await logBase();
    const { org, since } = await log.newOrganization();
    await change(
      log.pool,
      org,
      `insert into teams (organization_id, name) select sync.org(), 'team ' || n from generate_series(1, 100000) n`,
    );
    await change(log.pool, org, `update teams set external_id = name`);
    const { rows } = await log.base.owner.pool.query(
      `select t.pos - $2 as pos, l.op::text as op, count(*)::int as rows from sync.change_tx t
     join sync.change_log l on l.xid = t.xid and l.at = t.at and l.organization_id = t.organization_id
     where t.organization_id = $1 and t.pos > $2 group by 1, 2 order by 1`,
      [org, since],
    );
    expect(rows).toEqual([
      { pos: 1, op: 'I', rows: 100_000 },
      { pos: 2, op: 'U', rows: 100_000 },
    ]);
  },
);
