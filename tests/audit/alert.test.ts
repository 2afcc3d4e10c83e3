import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkSeals, seal } from '#jobs/seal.ts';
import { tidy } from '#jobs/tidy.ts';
import { remind } from '#server/notifications/reminders.ts';
import { readBatch } from '#server/readers/batch.ts';
import { history } from '#server/readers/history.ts';
import { newCustomer, startTeam } from '#tests/features/team.ts';
import { inboxOf, said } from '#tests/notifications/inbox.ts';

test('a row of the history that is changed by hand is found at night, and told to administrators once', async () => {
  await using team = await startTeam();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'syncline-alert-'));
  const config = { auditKey: undefined, dataDir, auditHeads: path.join(dataDir, 'heads.jsonl') };
  const owner = team.database.owner.pool;
  const { organizationId, memberId } = team.owner;
  const { signal } = new AbortController();
  const noted: unknown[] = [];
  const log = { error: (...what: unknown[]) => noted.push(what) };
  const seller = await team.join('sales');
  const night = async () => {
    await checkSeals(owner, config, log).run(signal);
    await remind(team.app.live, owner);
    return [said(await inboxOf(owner, memberId)), said(await inboxOf(owner, seller.memberId))];
  };
  try {
    await newCustomer(await team.as(team.owner), { name: 'Somebody' });
    while ((await readBatch(team.app.pool, { reader: history, organizationId })).state !== 'done');
    await seal(owner, config).run(signal);
    expect(await night()).toEqual([[], []]);
    await owner.query(
      `update sync.history set actor = 'x' where organization_id = $1 and pos = 1`,
      [organizationId],
    );
    const [[alert = ''] = [], sellers] = await night();
    expect([alert, sellers]).toEqual([expect.stringMatching(/^sealBroken/), []]);
    expect(noted).toHaveLength(1);
    // What is wrong stays wrong: neither the next night tells of it again nor one years later.
    await owner.query(`update crm.notification_sources set at = now() - interval '2 years'`);
    await tidy(owner, { keepImagesDays: 30 }).run(signal);
    expect(await night()).toEqual([[alert], []]);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
