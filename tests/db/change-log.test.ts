import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '#lib/shared/errors.ts';
import { commit } from '#server/live/commit.ts';
import { Flush } from '#server/live/flush.ts';
import { addTeam, begin, change, faultsOf, type LogBase, logBase, told } from './log.ts';

let log: LogBase;
beforeAll(async () => {
  log = await logBase();
});
afterAll(() => log[Symbol.asyncDispose]());

const codeOf = async (running: Promise<unknown>): Promise<unknown> => {
  try {
    await running;
    return 'no error';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
};

describe('positions', () => {
  test('come in the order of commits, not of writes', async () => {
    const { org, since } = await log.newOrganization();
    const first = await begin(log.pool, org);
    await first.run(addTeam('wrote first'));
    await change(log.pool, org, addTeam('committed first'));
    await first.commit();
    expect(told(await log.logOf(org, since), since)).toEqual([
      [1, 'teams', 'I', 'committed first'],
      [2, 'teams', 'I', 'wrote first'],
    ]);
  });

  test('have no hole after a rollback, a failed commit or a change of nothing', async () => {
    const { org, since } = await log.newOrganization();
    await change(log.pool, org, addTeam('one'));
    const lost = await begin(log.pool, org);
    await lost.run(addTeam('lost'));
    await lost.rollback();
    expect(await codeOf(change(log.pool, org, addTeam('two'), addTeam('one')))).toBe('23505');
    await change(log.pool, org, 'update teams set name = name');
    await change(log.pool, org, addTeam('two'));
    expect(told(await log.logOf(org, since), since)).toEqual([
      [1, 'teams', 'I', 'one'],
      [2, 'teams', 'I', 'two'],
    ]);
  });

  test('belong to what a savepoint kept', async () => {
    const { org, since } = await log.newOrganization();
    await change(
      log.pool,
      org,
      'savepoint a',
      addTeam('dropped'),
      'rollback to savepoint a',
      addTeam('kept'),
      'savepoint b',
      addTeam('dropped too'),
      'rollback to savepoint b',
      addTeam('kept too'),
    );
    await change(log.pool, org, 'savepoint a', addTeam('nothing'), 'rollback to savepoint a');
    await change(log.pool, org, addTeam('next'));
    expect(told(await log.logOf(org, since), since)).toEqual([
      [1, 'teams', 'I', 'kept'],
      [1, 'teams', 'I', 'kept too'],
      [2, 'teams', 'I', 'next'],
    ]);
  });

  test('are one for a transaction, even when constraints are made immediate in its midst', async () => {
    const { org, since } = await log.newOrganization();
    const now = 'set constraints all immediate';
    await change(log.pool, org, now, addTeam('a'), addTeam('b'));
    await change(
      log.pool,
      org,
      addTeam('c'),
      now,
      addTeam('d'),
      'set constraints all deferred',
      addTeam('e'),
    );
    expect(told(await log.logOf(org, since), since)).toEqual([
      [1, 'teams', 'I', 'a'],
      [1, 'teams', 'I', 'b'],
      [2, 'teams', 'I', 'c'],
      [2, 'teams', 'I', 'd'],
      [2, 'teams', 'I', 'e'],
    ]);
  });

  test('are taken in each organization that a transaction writes', async () => {
    const [here, there] = [await log.newOrganization(), await log.newOrganization()];
    const tx = await begin(log.pool, here.org);
    await tx.run(addTeam('here'));
    await tx.run(`select set_config('app.organization_id', $1, true)`, [there.org]);
    await tx.run(addTeam('there'));
    await tx.run(addTeam('there too'));
    await tx.commit();
    const said = async ({ org, since }: typeof here) => told(await log.logOf(org, since), since);
    expect(await said(here)).toEqual([[1, 'teams', 'I', 'here']]);
    expect(await said(there)).toEqual([
      [1, 'teams', 'I', 'there'],
      [1, 'teams', 'I', 'there too'],
    ]);
  });

  test('are taken whatever becomes of what the transaction remembers of its organizations', async () => {
    const [here, there] = [await log.newOrganization(), await log.newOrganization()];
    const forget = `select set_config('sync.wrote', '', true)`;
    const tx = await begin(log.pool, here.org);
    const turnTo = ({ org }: typeof here) =>
      tx.run(`select set_config('app.organization_id', $1, true)`, [org]);
    await tx.run('savepoint a');
    await tx.run(addTeam('dropped'));
    await turnTo(there);
    await tx.run(addTeam('dropped'));
    await tx.run('rollback to savepoint a');
    await turnTo(there);
    await tx.run(addTeam('first'));
    await tx.run('savepoint b');
    await turnTo(here);
    await tx.run(addTeam('dropped'));
    await tx.run('rollback to savepoint b');
    await tx.run(forget);
    await turnTo(there);
    await tx.run(addTeam('second'));
    await turnTo(here);
    await tx.run(addTeam('first'));
    await tx.run(forget);
    await tx.run(addTeam('second'));
    await tx.commit();
    const both = [
      [1, 'teams', 'I', 'first'],
      [1, 'teams', 'I', 'second'],
    ];
    for (const { org, since } of [here, there])
      expect(told(await log.logOf(org, since), since)).toEqual(both);
  });

  test.each(['repeatable read', 'serializable'])(
    'are refused to a %s transaction that another commit overtook, and given to one alone',
    async (isolation) => {
      const { org, since } = await log.newOrganization();
      const alone = await begin(log.pool, org, { isolation });
      await alone.run(addTeam('alone'));
      await alone.commit();
      const overtaken = await begin(log.pool, org, { isolation });
      await overtaken.run(addTeam('overtaken'));
      await change(log.pool, org, addTeam('overtaker'));
      expect(await codeOf(overtaken.commit())).toBe('40001');
      expect(told(await log.logOf(org, since), since)).toEqual([
        [1, 'teams', 'I', 'alone'],
        [2, 'teams', 'I', 'overtaker'],
      ]);
    },
  );
});

describe('what is captured', () => {
  test('an update says the columns that changed, a delete the whole row; versions grow', async () => {
    const { org, since } = await log.newOrganization();
    await change(log.pool, org, addTeam('red'));
    await change(log.pool, org, `update teams set name = 'blue', external_id = 'x'`);
    await change(log.pool, org, 'delete from teams');
    const [made, changed, gone] = await log.logOf(org, since);
    expect(changed?.before).toEqual({ name: 'red', external_id: null });
    expect(changed?.after).toMatchObject({ name: 'blue', external_id: 'x', organization_id: org });
    expect(gone).toMatchObject({ before: changed?.after, after: null, actor: 'tester' });
    expect(changed?.rev).toBeGreaterThan(made?.rev ?? Infinity);
    expect(gone?.rev).toBe((changed?.rev ?? 0) + 1);
  });

  test('a change of nothing keeps version and time, counts as a row, and leaves no trace', async () => {
    const { org, since } = await log.newOrganization();
    await change(log.pool, org, addTeam('a'), addTeam('b'));
    const before = await log.base.owner.pool.query('select * from teams order by id');
    const tx = await begin(log.pool, org);
    expect(await tx.run('update teams set name = name returning name')).toHaveLength(2);
    await tx.commit();
    expect((await log.base.owner.pool.query('select * from teams order by id')).rows).toEqual(
      before.rows,
    );
    await change(log.pool, org, `update teams set name = 'b' where name = 'b' or name = 'z'`);
    await change(log.pool, org, `update teams set external_id = case name when 'a' then '1' end`);
    expect(told(await log.logOf(org, since), since)).toEqual([
      [1, 'teams', 'I', 'a'],
      [1, 'teams', 'I', 'b'],
      [2, 'teams', 'U', 'external_id'],
    ]);
  });

  test('upserts and MERGE leave what they did, and nothing where they did nothing', async () => {
    const { org, since } = await log.newOrganization();
    const upsert = (name: string, id: string) =>
      `insert into teams (organization_id, name, external_id) values (sync.org(), '${name}', '${id}')
       on conflict (organization_id, name) do update set external_id = excluded.external_id`;
    await change(log.pool, org, upsert('a', '1'), upsert('a', '2'), upsert('b', '3'));
    await change(log.pool, org, upsert('a', '2'), `${addTeam('a')} on conflict do nothing`);
    await change(
      log.pool,
      org,
      `merge into teams t using (values ('a', '9'), ('b', '3'), ('c', '4')) v (name, ext)
         on t.organization_id = sync.org() and t.name = v.name
       when matched and v.ext = '9' then delete
       when matched then update set external_id = v.ext
       when not matched then insert (organization_id, name, external_id) values (sync.org(), v.name, v.ext)`,
    );
    const entries = told(await log.logOf(org, since), since);
    expect(entries.slice(0, 3)).toEqual([
      [1, 'teams', 'I', 'a'],
      [1, 'teams', 'U', 'external_id'],
      [1, 'teams', 'I', 'b'],
    ]);
    expect(entries.slice(3).sort()).toEqual([
      [2, 'teams', 'D', 'a'],
      [2, 'teams', 'I', 'c'],
    ]);
  });

  test('statements within a statement leave theirs', async () => {
    const { org, since } = await log.newOrganization();
    await change(log.pool, org, addTeam('a'));
    await change(
      log.pool,
      org,
      `with gone as (delete from teams where name = 'a' returning name),
         made as (insert into teams (organization_id, name) values (sync.org(), 'b') returning name)
       insert into lost_reasons (organization_id, name, position) select sync.org(), name, 'a0' from made`,
    );
    expect(
      told(await log.logOf(org, since), since)
        .slice(1)
        .sort(),
    ).toEqual([
      [2, 'lostReasons', 'I', 'b'],
      [2, 'teams', 'D', 'a'],
      [2, 'teams', 'I', 'b'],
    ]);
  });

  test('cascades are captured in the position of what set them off', async () => {
    const { org } = await log.newOrganization();
    const [team, role, boss, pipeline, stage, deal] = Array.from({ length: 6 }, () => randomUUID());
    await change(
      log.pool,
      org,
      `insert into teams (organization_id, id, name) values (sync.org(), '${team}', 'team')`,
      `insert into roles (organization_id, id, slug, name) values (sync.org(), '${role}', 'r', 'r')`,
      `insert into members (organization_id, id, name, role_id, team_id)
         values (sync.org(), '${boss}', 'boss', '${role}', '${team}')`,
      `insert into pipelines (organization_id, id, name, position) values (sync.org(), '${pipeline}', 'p', 'a0')`,
      `insert into stages (organization_id, id, pipeline_id, name, position)
         values (sync.org(), '${stage}', '${pipeline}', 's', 'a0')`,
      `insert into deals (organization_id, id, pipeline_id, stage_id, rank, title, currency, owner_id)
         values (sync.org(), '${deal}', '${pipeline}', '${stage}', 'a0', 'deal', 'EUR', '${boss}')`,
      `insert into activities (organization_id, kind, title, deal_id, owner_id)
         select sync.org(), 'task', 't' || n, '${deal}', '${boss}' from generate_series(1, 50) n`,
    );
    const before = await log.head(org);
    await change(log.pool, org, `delete from members where id = '${boss}'`);
    const leaving = await log.logOf(org, before);
    expect(new Set(leaving.map(({ pos }) => pos - before))).toEqual(new Set([1]));
    const kinds = Map.groupBy(leaving, ({ entity, op }) => `${entity} ${op}`);
    expect(Object.fromEntries([...kinds].map(([kind, rows]) => [kind, rows.length]))).toEqual({
      'members D': 1,
      'deals U': 1,
      'activities U': 50,
    });
    const owners = await log.base.owner.pool.query(
      `select d.owner_id, d.team_id, count(a.id)::int as tasks, count(a.owner_id)::int as owned
       from deals d join activities a on a.deal_id = d.id where d.id = $1 group by d.owner_id, d.team_id`,
      [deal],
    );
    expect(owners.rows).toEqual([{ owner_id: null, team_id: null, tasks: 50, owned: 0 }]);

    const later = await log.head(org);
    await change(log.pool, org, `delete from deals where id = '${deal}'`);
    const entries = await log.logOf(org, later);
    expect(
      entries
        .filter(({ op }) => op === 'D')
        .map(({ entity }) => entity)
        .sort(),
    ).toEqual([...Array<string>(50).fill('activities'), 'deals']);
    expect(new Set(entries.map(({ pos }) => pos - later))).toEqual(new Set([1]));
  });

  test('an administrator in psql is captured, whatever organization is set', async () => {
    const { org, since } = await log.newOrganization();
    const { pool } = log.base.owner;
    await pool.query('insert into teams (organization_id, name) values ($1, $2)', [org, 'by hand']);
    await pool.query('update teams set name = $2 where organization_id = $1', [org, 'again']);
    expect(await log.logOf(org, since)).toMatchObject([
      { pos: since + 1, op: 'I', actor: null, after: { name: 'by hand' } },
      { pos: since + 2, op: 'U', actor: null, before: { name: 'by hand' } },
    ]);
  });

  test('secret columns never enter the log', async () => {
    const { org, since } = await log.newOrganization();
    const role = randomUUID();
    await change(
      log.pool,
      org,
      `insert into roles (organization_id, id, slug, name) values (sync.org(), '${role}', 'r', 'r')`,
      `insert into invitations (organization_id, role_id, token_hash, expires_at)
         values (sync.org(), '${role}', '\\xdeadbeef', now())`,
    );
    await change(log.pool, org, `update invitations set token_hash = '\\xfeedface'`);
    await change(log.pool, org, 'delete from invitations');
    const entries = (await log.logOf(org, since)).filter(({ entity }) => entity === 'invitations');
    expect(entries.map(({ op }) => op)).toEqual(['I', 'U', 'D']);
    expect(JSON.stringify(entries)).not.toMatch(/token_hash|deadbeef|feedface/);
  });
});

describe('what is refused', () => {
  test('TRUNCATE, also to an administrator, and a change of an id', async () => {
    const { org } = await log.newOrganization();
    expect(await codeOf(log.base.owner.pool.query('truncate teams cascade'))).toBe('0A000');
    await change(log.pool, org, addTeam('a'));
    expect(await codeOf(change(log.pool, org, 'update teams set id = gen_random_uuid()'))).toBe(
      '0A000',
    );
  });

  test.each([
    ['a position', `insert into sync.change_tx values (sync.org(), 99, '1', now())`],
    ['an entry', `insert into sync.change_log select * from sync.change_log limit 1`],
    ['a change of an entry', `update sync.change_log set after = '{}'`],
    ['a deletion of an entry', 'delete from sync.change_log'],
    ['a move of the clock', 'update sync.org_clock set pos = pos + 1'],
    ['a forged answer', `update sync.mutations set answer = '{}'`],
    ['a deletion of an answer', 'delete from sync.mutations'],
    ['triggers switched off', 'alter table teams disable trigger all'],
    ['replica mode', `set local session_replication_role = replica`],
    [
      'a call of the capture function',
      'create trigger t after insert on teams for each row execute function sync.capture()',
    ],
  ])('%s, to the application', async (_, statement) => {
    const { org, since } = await log.newOrganization();
    await change(log.pool, org, addTeam('a'));
    expect(await codeOf(change(log.pool, org, statement))).toBe('42501');
    expect(await log.head(org)).toBe(since + 1);
  });

  test('temporary tables in the way of the log do not fool it', async () => {
    const { org, since } = await log.newOrganization();
    await change(
      log.pool,
      org,
      'create temporary table change_log (like sync.change_log) on commit drop',
      'create temporary table org_clock (like sync.org_clock) on commit drop',
      addTeam('seen'),
    );
    expect(told(await log.logOf(org, since), since)).toEqual([[1, 'teams', 'I', 'seen']]);
  });

  test('rows of another organization, in tables and in the log', async () => {
    const [here, there] = [await log.newOrganization(), await log.newOrganization()];
    await change(log.pool, here.org, addTeam('mine'));
    const tx = await begin(log.pool, there.org);
    for (const table of [
      'teams',
      'sync.change_log',
      'sync.change_tx',
      'sync.org_clock',
      'sync.mutations',
    ]) {
      expect(await tx.run(`select from ${table} where organization_id = $1`, [here.org])).toEqual(
        [],
      );
    }
    await tx.run('savepoint s');
    const forged = tx.run(`insert into teams (organization_id, name) values ($1, 'forged')`, [
      here.org,
    ]);
    expect(await codeOf(forged)).toBe('42501');
    await tx.rollback();
    const stranger = await begin(log.pool, '');
    expect(await stranger.run('select from sync.change_tx')).toEqual([]);
    expect(await stranger.run('select from teams')).toEqual([]);
    await stranger.rollback();
  });
});

describe('a change under a mutation id', () => {
  const committer = () => ({ pool: log.pool, flush: new Flush(log.pool), poke: () => undefined });
  const mutation = { id: 'm1', name: 'teams.add', hash: 'h' };

  test('has its effect once, however often it comes, and every comer has the same answer', async () => {
    const { org, since } = await log.newOrganization();
    const live = committer();
    const add = () =>
      commit(live, { organizationId: org, actor: 'ann', mutation }, async (tx) => {
        const made = await tx
          .insertInto('teams')
          .values({ organizationId: org, name: `team ${randomUUID()}` })
          .returning('name')
          .executeTakeFirstOrThrow();
        return made.name;
      });
    const answers = await Promise.all(Array.from({ length: 10 }, add));
    answers.push(await add());
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await log.logOf(org, since)).toMatchObject([
      { pos: answers[0]?.position, actor: 'ann', after: { name: answers[0]?.data } },
    ]);
  });

  test('is refused when the id comes with another input, and free to another person', async () => {
    const { org } = await log.newOrganization();
    const live = committer();
    const run = (actor: string, hash: string) =>
      commit(live, { organizationId: org, actor, mutation: { ...mutation, hash } }, () =>
        Promise.resolve(actor),
      );
    expect((await run('ann', 'h')).data).toBe('ann');
    await expect(run('ann', 'other')).rejects.toThrow(AppError);
    expect((await run('bob', 'other')).data).toBe('bob');
  });

  test('is refused to every comer when the first was refused, one under way among them', async () => {
    const { org, since } = await log.newOrganization();
    const live = committer();
    const scope = { organizationId: org, actor: 'ann', mutation: { ...mutation, id: 'refused' } };
    const told = { code: 'FORBIDDEN', details: { reason: 'notYours' } };
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const begun = commit(live, scope, async (tx) => {
      await tx.insertInto('teams').values({ organizationId: org, name: 'too late' }).execute();
      await held;
    });
    const refused = commit(live, scope, () => {
      throw new AppError('FORBIDDEN', { reason: 'notYours' });
    });
    await expect(refused).rejects.toMatchObject(told);
    go();
    await expect(begun).rejects.toMatchObject(told);
    const again = commit(live, scope, (tx) =>
      tx.insertInto('teams').values({ organizationId: org, name: 'again' }).execute(),
    );
    await expect(again).rejects.toMatchObject(told);
    const other = commit(live, { ...scope, mutation: { ...scope.mutation, hash: 'x' } }, () =>
      Promise.resolve(),
    );
    await expect(other).rejects.toMatchObject({ code: 'REUSED_KEY' });
    expect(await log.logOf(org, since)).toEqual([]);
  });

  test('is done for every comer when a later one is refused', async () => {
    const { org } = await log.newOrganization();
    const live = committer();
    const scope = { organizationId: org, actor: 'ann', mutation: { ...mutation, id: 'done' } };
    const done = await commit(live, scope, () => Promise.resolve({ id: 'one' }));
    const late = commit(live, scope, () => {
      throw new AppError('FORBIDDEN', { reason: 'notYours' });
    });
    expect(await late).toEqual(done);
  });

  test('that changes nothing is answered with the position as it stands', async () => {
    const { org, since } = await log.newOrganization();
    const { position } = await commit(
      committer(),
      { organizationId: org, actor: 'ann', mutation },
      () => Promise.resolve(null),
    );
    expect(position).toBe(since);
    expect(await log.logOf(org, since)).toEqual([]);
  });
});

test('after all of this every row can be followed through the log', async () => {
  expect(await faultsOf(log)).toEqual([]);
});
