import type { Pool } from 'pg';
import { nobody } from '#server/live/canary.ts';
import { readers } from '#server/readers/all.ts';
import type { Job } from './clock.ts';
import { dropOldImages } from './old-images.ts';

/**
 * Makes the change log's partitions two weeks ahead, drops those that are older than it keeps, and removes
 * what has run out: the answers of changes after 90 days, the canary's log, sessions, tokens, links and
 * throttles. `owner` is the login that migrates.
 */
export const tidy = (owner: Pool, { keepImagesDays }: { keepImagesDays: number }): Job => ({
  name: 'tidy',
  schedule: '17 3 * * *',
  async run(signal) {
    await owner.query('select sync.make_partitions()');
    const removed: Record<string, number | null> = {};
    for (const [table, condition] of [
      ['sync.mutations', `at < now() - interval '90 days'`],
      // The canary's, which would be a row every few seconds for ever.
      ['sync.change_log', `organization_id = '${nobody}' and at < now() - interval '1 day'`],
      ['sync.change_tx', `organization_id = '${nobody}' and at < now() - interval '1 day'`],
      // As long as a reader may read the log again, and a while longer.
      // What is wrong with the past stays so, and is not told again.
      [
        'crm.notification_sources',
        `at < now() - interval '${keepImagesDays + 30} days' and source !~ '^(seal|aside)/'`,
      ],
      ['platform.sessions', 'expires_at < now()'],
      ['platform.refresh_tokens', 'expires_at < now()'],
      ['platform.throttles', 'expires_at < now()'],
      ['platform.account_links', 'expires_at < now()'],
    ] as const) {
      signal.throwIfAborted();
      removed[table] = (await owner.query(`delete from ${table} where ${condition}`)).rowCount;
    }
    const images = await dropOldImages(owner, {
      keepDays: keepImagesDays,
      readers: readers.map(({ name }) => name),
      signal,
    });
    return { removed, images };
  },
});
