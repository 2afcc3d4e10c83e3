import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createApi } from '#lib/api.ts';
import { updateDeal } from '#lib/shared/deals.ts';
import { startBalancer, type Balancer } from '#tests/support/balancer.ts';
import { startNodes, type TestNodes } from '#tests/support/nodes.ts';
import { openAs, until, type Person } from '#tests/support/person.ts';
import { startProxy, type Proxy } from '#tests/support/proxy.ts';
import { hasRedis, startRedis, type TestRedis } from '#tests/support/redis.ts';
import { Recorder } from './recorder.ts';
import { compare, findGround, Writers, type Ground } from './writing.ts';

describe.skipIf(!hasRedis)('two web nodes, a worker, one Postgres and one Redis', () => {
  const used = new AsyncDisposableStack();
  let redis: TestRedis;
  /** Between each node and Redis, and Postgres. */
  let lines: Proxy[];
  let databaseLines: Proxy[];
  let nodes: TestNodes;
  let balancer: Balancer;
  let ground: Ground;
  let anna: Person;
  let boris: Person;

  beforeAll(async () => {
    redis = used.use(await startRedis());
    lines = await Promise.all([0, 1, 2].map(() => startProxy(() => redis.port)));
    const postgresPort = Number(new URL(inject('postgresUrl')).port);
    databaseLines = await Promise.all([0, 1, 2].map(() => startProxy(() => postgresPort)));
    for (const line of [...lines, ...databaseLines]) used.use(line);
    nodes = used.use(
      await startNodes({
        redisPort: (node) => lines[node]?.port ?? 0,
        databasePort: (node) => databaseLines[node]?.port ?? 0,
      }),
    );
    balancer = used.use(await startBalancer(() => nodes.web.map(({ port }) => port)));
    const [one = '', two = ''] = nodes.web.map(({ url }) => url);
    ground = await findGround(one, nodes.databaseUrl);
    used.defer(() => ground.admin.end());
    [anna, boris] = await Promise.all([
      atBoard(one, 'anna@demo.test'),
      atBoard(two, 'boris@demo.test'),
    ]);
    used.defer(() => [anna, boris].forEach((person) => person.leave()));
  }, 120_000);
  afterAll(() => used.disposeAsync());

  async function atBoard(url: string, email: string): Promise<Person> {
    const person = await openAs(url, email);
    const deals = person.live.subscribe('pipelineDeals', {
      pipelineId: ground.pipelineId,
      state: 'open',
    });
    await until('the deals are there', () => deals.ready);
    return person;
  }

  const dealId = (at = 0) => ground.deals[at] ?? '';
  const sees = (who: Person, whom: Person) =>
    who.live.presence.people.some(({ memberId }) => memberId === whom.me.memberId);
  const titleFor = (who: Person, id = dealId()) => who.live.rows('deals').get(id)?.title;

  async function rename(who: Person, title: string): Promise<void> {
    expect(await who.live.change(updateDeal, { id: dealId(), title }).done).toMatchObject({
      ok: true,
    });
  }

  async function bothWork(what: string): Promise<void> {
    await rename(anna, `${what}, by Anna`);
    await until('Boris sees it', () => titleFor(boris) === `${what}, by Anna`);
    await rename(boris, `${what}, by Boris`);
    await until('Anna sees it', () => titleFor(anna) === `${what}, by Boris`);
  }

  const meet = () =>
    until('they see each other', () => sees(anna, boris) && sees(boris, anna), 20_000);

  test('people on both nodes see each other, and what each carries', async () => {
    await meet();
    anna.live.presence.setPlace('board');
    anna.live.presence.lift(dealId());
    await until('Boris sees it lifted', () => boris.live.presence.lifterOf(dealId()) !== undefined);
    expect(boris.live.presence.lifterOf(dealId())?.memberId).toBe(anna.me.memberId);
    expect(boris.live.presence.at('board').map(({ memberId }) => memberId)).toEqual([
      anna.me.memberId,
    ]);
    anna.live.presence.lift(null);
    await until('he sees it dropped', () => !boris.live.presence.lifterOf(dealId()));
    const vera = await openAs(nodes.web[1]?.url ?? '', 'vera@demo.test');
    await until('who comes later sees them too', () => sees(vera, anna) && sees(vera, boris));
    vera.leave();
    await until('Anna sees her go', () => !sees(anna, vera));
  });

  test('a change on either node is on the screens of both', () => bothWork('On two nodes'));

  test('the worker lets no one in, and is well', async () => {
    expect((await fetch(`${nodes.jobs.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${nodes.jobs.url}/livez`)).status).toBe(200);
    expect(await (await fetch(`${nodes.jobs.url}/metrics`)).text()).toContain('sync_bus_up 1');
    expect((await fetch(`${nodes.jobs.url}/trpc/deals.get`)).status).toBe(404);
    const { rows } = await ground.admin.query('select name, run::int from platform.jobs');
    expect(rows).toContainEqual({ name: 'tidy', run: 1 });
  });

  test('who signs out on one node is gone from the other', async () => {
    const [one = '', two = ''] = nodes.web.map(({ url }) => url);
    const vera = await openAs(two, 'vera@demo.test');
    await until('Anna sees her', () => sees(anna, vera));
    const headers = { authorization: `Bearer ${vera.token}` };
    await createApi({ origin: one, organization: 'demo', headers }).call.auth.logout.mutate();
    await until('her screen is told', () => vera.live.ended === 'signedOut');
    await until('she is gone', () => !sees(anna, vera));
  });

  test('while Redis is dead all changes still arrive; after it everybody is seen again', async () => {
    await meet();
    await redis.kill();
    await bothWork('Without Redis');
    await until('Boris is not shown for ever', () => !sees(anna, boris), 20_000);
    expect((await fetch(`${nodes.web[0]?.url}/readyz`)).status).toBe(200);
    await redis.restart();
    await meet();
    await bothWork('With Redis again');
  });

  test.each([
    ['cut', (line: Proxy) => line.cut()],
    ['a black hole', (line: Proxy) => line.hang()],
    ['half open', (line: Proxy) => line.deafen()],
    ['very slow', (line: Proxy) => line.slow(1_000)],
  ])(
    'while the line of one node to the others is %s, all changes still arrive',
    async (what, spoil) => {
      await meet();
      spoil(lines[1] as Proxy);
      await bothWork(`On a line that is ${what}`);
      lines[1]?.heal();
      await meet();
    },
  );

  test('of a node that is killed the people vanish, and come back through the other one', async () => {
    const through = await atBoard(balancer.url, 'maria@demo.test');
    await until('she is seen on both nodes', () => sees(anna, through) && sees(boris, through));
    await meet();
    await nodes.web[1]?.kill();
    const { done } = through.live.change(updateDeal, { id: dealId(1), title: 'While it dies' });
    expect(await done).toMatchObject({ ok: true });
    await until('Boris is gone', () => !sees(anna, boris), 20_000);
    await until(
      'who came through the balancer is back',
      () => through.live.connection === 'online',
    );
    await rename(anna, 'On the node that is left');
    await until('she sees it', () => titleFor(through) === 'On the node that is left');
    await nodes.web[1]?.start();
    await until('Boris is back', () => titleFor(boris) === 'On the node that is left', 20_000);
    await meet();
    through.leave();
  });

  test.each([
    ['a black hole', (line: Proxy) => line.hang()],
    ['dead without a word', (line: Proxy) => line.strand()],
  ])(
    'a node whose line to Postgres is %s sends its people to the other one, and gets well',
    async (_, spoil) => {
      const through = await atBoard(balancer.url, 'maria@demo.test');
      for (const line of databaseLines.slice(1, 2)) spoil(line);
      // The line of a node that people come to by turns: some of them are there.
      await until('the node is not asked any more', () => balancer.ready.length === 1, 20_000);
      await until('Boris is told', () => boris.live.connection !== 'online', 30_000);
      await until(
        'she is before the other node',
        () => sees(anna, through) && !sees(anna, boris),
        30_000,
      );
      await rename(anna, 'Before the node that can read');
      await until('she sees it', () => titleFor(through) === 'Before the node that can read');
      databaseLines[1]?.heal();
      await until('both are well', () => balancer.ready.length === 2, 60_000);
      await until(
        'Boris sees it too',
        () => titleFor(boris) === 'Before the node that can read',
        30_000,
      );
      await meet();
      through.leave();
    },
    120_000,
  );

  test('who comes from a node that is further on goes on from there, and not back', async () => {
    const [one = '', two = ''] = nodes.web.map(({ url }) => url);
    const first = new Recorder({ url: one, ...ground });
    await expect.poll(() => first.starts).toBe(1);
    // The other node is told nothing, and learns what is new from the log alone.
    lines[1]?.cut();
    const writers = new Writers(1, { url: one, ground, insists: true });
    for (let round = 0; round < 20; round += 1) {
      const { position } = first;
      await expect.poll(() => first.position, { interval: 1 }).toBeGreaterThan(position);
      const cursor = first.cursor;
      const second = new Recorder({ url: two, ...ground, ...(cursor && { cursor }) });
      await expect.poll(() => second.resumes + second.starts).toBe(1);
      expect([second.resumes, second.gaps]).toEqual([1, []]);
      second.stop();
    }
    await writers.stop();
    await compare(ground, writers, [first]);
    first.stop();
    lines[1]?.heal();
  });

  test('whatever dies, nothing is lost, done twice or out of order', async () => {
    const recorders = Array.from(
      { length: 4 },
      () => new Recorder({ url: balancer.url, ...ground }),
    );
    await expect.poll(() => recorders.every(({ starts }) => starts === 1)).toBe(true);
    const writers = new Writers(6, { url: balancer.url, ground, insists: true });
    const more = async (changes = 60) => {
      const goal = writers.acknowledged.size + changes;
      await until(`${changes} more changes`, () => writers.acknowledged.size >= goal, 90_000);
    };
    const [one, two] = nodes.web;
    await more();
    for (const doThis of [
      () => one?.kill(),
      () => one?.start(),
      () => redis.kill(),
      () => two?.kill(),
      () => two?.start(),
      () => redis.restart(),
      () => lines[0]?.cut(),
      () => lines[1]?.hang(),
      () => one?.kill(),
      () => lines[1]?.heal(),
      () => one?.start(),
      () => lines[0]?.heal(),
      () => two?.freeze(),
      () => two?.thaw(),
    ]) {
      await doThis();
      await more();
    }
    await writers.stop();
    await compare(ground, writers, recorders);
    expect(Math.max(...recorders.map(({ connections }) => connections))).toBeGreaterThan(1);
    for (const recorder of recorders) recorder.stop();
  }, 400_000);
});
