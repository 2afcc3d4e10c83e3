import { pino } from 'pino';
import { Server } from 'socket.io';
import { expect, test } from 'vitest';
import { Flush } from '#server/live/flush.ts';
import { Hub, type Io } from '#server/live/hub.ts';
import type { LogRow } from '#server/live/log.ts';
import { PostgresSource } from '#server/live/source.ts';
import { Tail } from '#server/live/tail.ts';
import { logBase } from '#tests/db/log.ts';
import { writeTeams } from '#tests/readers/reading.ts';

test('who waits for a position does not wait for the end of changes without a pause', async () => {
  await using log = await logBase();
  const { org, since } = await log.newOrganization();
  const write = async (team: number): Promise<number> => {
    await writeTeams(log.base.owner.pool, org, { from: team, to: team });
    return since + team;
  };
  let written = 1;
  const most = 60;
  class Busy extends PostgresSource {
    override async log(...asked: Parameters<PostgresSource['log']>): Promise<LogRow[]> {
      const rows = await super.log(...asked);
      // Whenever the log has been read, it has more.
      if (written < most) void tail.read(hub, await write((written += 1)));
      return rows;
    }
  }
  const hub = new Hub(new Server() as Io, org, since);
  const tail: Tail = new Tail({
    source: new Busy(log.pool),
    flush: new Flush(log.pool),
    log: pino({ level: 'silent' }),
    hubs: new Map([[org, hub]]),
    onSkip: () => undefined,
    onAdvance: () => undefined,
  });
  const position = await write(1);
  await tail.read(hub, position);
  expect(hub.position).toBeGreaterThanOrEqual(position);
  expect(written).toBeLessThan(most);
  await expect.poll(() => hub.position, { timeout: 30_000 }).toBe(since + most);
});
