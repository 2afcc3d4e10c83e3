import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { nobody } from '../live/canary.ts';
import { expiryText } from './erasures.ts';
import type { AuditKey } from './key.ts';
import { inOrganization } from './seal.ts';

interface Options {
  /** The login that migrates: the application may not change what is past. */
  owner: Pool;
  key: AuditKey;
  keepDays: number;
  signal: AbortSignal;
}

const day = 86_400_000;

/** What the seal itself needs: which values are gone by right. It names no address and no device. */
const kept = `coalesce(changes -> 'kind' ->> 1, '') not in ('erased', 'actsExpired')`;

/**
 * Lets go of what the audit tells of old acts: kind, address, device and what they were about. Their rows
 * in the history stay, with their digests, so that the seal holds; that they expired is an act, signed.
 */
export async function expireActs({
  owner,
  key,
  keepDays,
  signal,
}: Options): Promise<{ acts: number }> {
  const { rows } = await owner.query<{ organizationId: string }>(
    `select s.organization_id as "organizationId" from sync.reader_state('{history}') s
     where s.organization_id <> $1`,
    [nobody],
  );
  let acts = 0;
  for (const { organizationId } of rows) {
    signal.throwIfAborted();
    acts += await inOrganization(owner, organizationId, (client) =>
      expireIn(client, organizationId, { key, keepDays }),
    );
  }
  return { acts };
}

async function expireIn(
  client: PoolClient,
  organizationId: string,
  { key, keepDays }: Pick<Options, 'key' | 'keepDays'>,
): Promise<number> {
  // By this clock and not by the database's, whose owner must not choose what is old.
  const before = new Date(Date.now() - keepDays * day).toISOString().slice(0, -1);
  await client.query(`select set_config('app.actor', 'expiry', true)`);
  const { rowCount: count } = await client.query(
    `update sync.history set title = null, changes = null, salt = null
     where organization_id = $1 and entity = 'auditEvents' and salt is not null and ${kept}
       and at < $2::timestamp at time zone 'UTC'`,
    [organizationId, before],
  );
  if (!count) return 0;
  await client.query(
    `delete from sync.audit_events where organization_id = $1 and kind not in ('erased', 'actsExpired')
       and created_at < $2::timestamp at time zone 'UTC'`,
    [organizationId, before],
  );
  await client.query(
    `update sync.subjects set title = null where organization_id = $1 and entity = 'auditEvents'
       and at < $2::timestamp at time zone 'UTC'`,
    [organizationId, before],
  );
  const signature = key.sign(expiryText(organizationId, before)).toString('hex');
  await client.query(
    `insert into sync.audit_events (organization_id, id, kind, about) values ($1, $2, 'actsExpired', $3)`,
    [organizationId, randomUUID(), JSON.stringify({ before, signature })],
  );
  return count;
}
