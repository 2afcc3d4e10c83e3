import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newId } from '#lib/shared/ids.ts';
import type { PresenceEntry } from '#lib/shared/wire.ts';
import { Bus } from '#server/live/bus.ts';
import { Neighbours, type Placed } from '#server/live/neighbours.ts';
import { Pokes } from '#server/live/pokes.ts';
import { startProxy, type Proxy } from '#tests/support/proxy.ts';
import { hasRedis, startRedis, type TestRedis } from '#tests/support/redis.ts';

const organizationId = newId();
const log = { info: vi.fn(), warn: vi.fn() };
const within = { timeout: 20_000 };

/** A node with nothing in it but what it tells the others. */
class Teller {
  readonly line: Proxy;
  readonly bus: Bus;
  readonly people: Neighbours;
  readonly pokes: Pokes;
  readonly own = new Map<string, Placed>();
  readonly poked = new Map<string, number>();

  constructor(line: Proxy, group: string) {
    this.line = line;
    this.bus = new Bus({ url: `redis://127.0.0.1:${line.port}`, log });
    this.people = new Neighbours({
      bus: this.bus,
      own: () => [...this.own.values()],
      show: () => undefined,
    });
    this.pokes = new Pokes(this.bus, (id, position) => this.poked.set(id, position));
    this.bus.start(group);
  }

  arrives(tab: string, place: string): void {
    const placed: Placed = [organizationId, [tab, 'member', { place }]];
    this.own.set(tab, placed);
    this.people.tell([placed]);
  }

  leaves(tab: string): void {
    this.own.delete(tab);
    this.people.tell([[organizationId, [tab, 'member', null]]]);
  }

  get seen(): string[] {
    return this.people
      .of(organizationId)
      .map(([tab, , state]: PresenceEntry) => `${tab} at ${state?.place}`)
      .sort();
  }
}

describe.skipIf(!hasRedis)('what nodes tell each other', () => {
  const group = newId();
  let redis: TestRedis;
  let one: Teller;
  let two: Teller;

  beforeAll(async () => {
    redis = await startRedis();
    const [left, right] = await Promise.all([
      startProxy(() => redis.port),
      startProxy(() => redis.port),
    ]);
    one = new Teller(left, group);
    two = new Teller(right, group);
    await vi.waitUntil(() => one.bus.isUp && two.bus.isUp, within);
  });
  afterAll(async () => {
    await Promise.all([one.bus.stop(), two.bus.stop()]);
    await Promise.all([one.line.close(), two.line.close()]);
    await redis[Symbol.asyncDispose]();
  });

  test('who comes, moves and goes on one node is known on the other', async () => {
    one.arrives('a', 'board');
    two.arrives('b', 'customers');
    await expect
      .poll(() => [one.seen, two.seen], within)
      .toEqual([['b at customers'], ['a at board']]);
    one.arrives('a', 'settings');
    two.leaves('b');
    await expect.poll(() => [one.seen, two.seen], within).toEqual([[], ['a at settings']]);
  });

  test('the newest position of a log is told', async () => {
    for (let position = 1; position <= 500; position += 1) one.pokes.tell(organizationId, position);
    await expect.poll(() => two.poked.get(organizationId), within).toBe(500);
  });

  test('a node of another group is not heard', async () => {
    const other = new Teller(one.line, newId());
    other.arrives('stranger', 'board');
    await expect.poll(() => other.bus.isUp, within).toBe(true);
    one.arrives('a', 'deals');
    await expect.poll(() => two.seen, within).toEqual(['a at deals']);
    await other.bus.stop();
  });

  test('what nobody understands does no harm', async () => {
    const stranger = createClient({ url: `redis://127.0.0.1:${redis.port}` });
    await stranger.connect();
    const channels = await stranger.pubSubChannels(`*${group}`);
    for (const text of ['no JSON', '{}', '["x",{"people":7,"moved":{"a":1}}]', '["x",null]']) {
      for (const channel of channels) await stranger.publish(channel, text);
    }
    expect(channels).toHaveLength(1);
    stranger.destroy();
    one.arrives('a', 'customers');
    await expect.poll(() => two.seen, within).toEqual(['a at customers']);
    expect(log.warn).not.toHaveBeenCalledWith(expect.anything(), 'other nodes cannot be heard');
    one.arrives('a', 'deals');
    await expect.poll(() => two.seen, within).toEqual(['a at deals']);
  });

  test.each([
    ['broken', (line: Proxy) => line.cut()],
    ['a black hole', (line: Proxy) => line.hang()],
    ['half open', (line: Proxy) => line.deafen()],
  ])(
    'on a line that is %s nobody is shown for ever, and all is known again after it',
    async (_, spoil) => {
      await expect.poll(() => two.seen, within).toEqual(['a at deals']);
      spoil(one.line);
      two.arrives('b', 'board');
      await expect.poll(() => two.seen, within).toEqual([]);
      await expect.poll(() => one.bus.isUp, within).toBe(false);
      one.arrives('late', 'board');
      one.line.heal();
      await expect.poll(() => two.seen, within).toEqual(['a at deals', 'late at board']);
      await expect.poll(() => one.seen, within).toEqual(['b at board']);
      one.leaves('late');
      two.leaves('b');
      await expect.poll(() => [one.seen, two.seen], within).toEqual([[], ['a at deals']]);
    },
  );

  test('a line that is dead without a word is given up for a new one', async () => {
    one.line.strand();
    one.arrives('late', 'board');
    await expect.poll(() => two.seen, within).toEqual(['a at deals', 'late at board']);
    one.leaves('late');
    await expect.poll(() => two.seen, within).toEqual(['a at deals']);
  });

  test('on a slow line the newest is told, not everything', async () => {
    one.line.slow(1_000);
    for (let round = 1; round <= 1_000; round += 1) {
      one.arrives('a', `place ${round}`);
      one.pokes.tell(organizationId, 500 + round);
    }
    await expect.poll(() => two.seen, within).toEqual(['a at place 1000']);
    expect(two.poked.get(organizationId)).toBe(1_500);
    one.line.heal();
  });

  test('Redis dies and comes back empty, and everybody is known again', async () => {
    one.arrives('a', 'deals');
    await redis.kill();
    await expect.poll(() => two.seen, within).toEqual([]);
    await redis.restart();
    await expect.poll(() => two.seen, within).toEqual(['a at deals']);
  });

  test('a node that stops takes its people along at once', async () => {
    const fourth = new Teller(two.line, 'same');
    const fifth = new Teller(one.line, 'same');
    fifth.arrives('e', 'board');
    await expect.poll(() => fourth.seen, within).toEqual(['e at board']);
    fifth.own.clear();
    fifth.people.leave();
    await fifth.bus.stop();
    await expect.poll(() => fourth.seen, { timeout: 3_000 }).toEqual([]);
    await fourth.bus.stop();
  });
});
