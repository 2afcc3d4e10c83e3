import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBalancer, type Balancer } from '#tests/support/balancer.ts';
import { startNodes, type TestNodes } from '#tests/support/nodes.ts';
import { until } from '#tests/support/person.ts';
import { startProxy } from '#tests/support/proxy.ts';
import { hasRedis, startRedis } from '#tests/support/redis.ts';
import { Recorder } from './recorder.ts';
import { compare, findGround, Writers, type Ground } from './writing.ts';

const RESTARTS = 20;

describe.skipIf(!hasRedis)('a new version comes', () => {
  const used = new AsyncDisposableStack();
  let nodes: TestNodes;
  let balancer: Balancer;
  let ground: Ground;

  beforeAll(async () => {
    const redis = used.use(await startRedis());
    nodes = used.use(
      await startNodes({ redisPort: () => redis.port, env: { DRAIN_SECONDS: '2' } }),
    );
    balancer = used.use(await startBalancer(() => nodes.web.map(({ port }) => port)));
    ground = await findGround(balancer.url, nodes.databaseUrl);
    used.defer(() => ground.admin.end());
  }, 120_000);
  afterAll(() => used.disposeAsync());

  test(`in ${RESTARTS} restarts by turns under load no request fails and no acknowledgement is lost`, async () => {
    const recorders = Array.from(
      { length: 10 },
      () => new Recorder({ url: balancer.url, ...ground }),
    );
    await expect.poll(() => recorders.every(({ starts }) => starts === 1)).toBe(true);
    const writers = new Writers(6, { url: balancer.url, ground, insists: false });
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      const node = nodes.web[restart % 2];
      const goal = writers.acknowledged.size + 30;
      await until('changes are made', () => writers.acknowledged.size >= goal);
      expect(await node?.stop()).toBe(0);
      await node?.start();
      await until('both nodes are asked again', () => balancer.ready.length === 2);
    }
    await writers.stop();
    expect(writers.failed).toEqual([]);
    await compare(ground, writers, recorders);
    expect(Math.min(...recorders.map(({ connections }) => connections))).toBeGreaterThan(5);
    for (const recorder of recorders) recorder.stop();
  }, 600_000);

  test('a client that has gone without a word does not hold a node up', async () => {
    const [node] = nodes.web;
    await using line = await startProxy(() => node?.port);
    const gone = new Recorder({ url: `http://127.0.0.1:${line.port}`, ...ground });
    await expect.poll(() => gone.starts).toBe(1);
    line.hang();
    expect(await node?.stop()).toBe(0);
    gone.stop();
    await node?.start();
  });
});
