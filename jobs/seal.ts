import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '#server/config.ts';
import { auditKey } from '#server/audit/key.ts';
import { expireActs } from '#server/audit/expiry.ts';
import { inOrganization, sealHistory } from '#server/audit/seal.ts';
import { verifyAudit } from '#server/audit/verify.ts';
import type { Job } from './clock.ts';

type Settings = Pick<Config, 'auditKey' | 'auditHeads' | 'dataDir'>;

/** Seals the history of every organization. `owner` is the login that migrates. */
export const seal = (owner: Pool, config: Settings): Job => ({
  name: 'seal',
  schedule: '* * * * *',
  run: (signal) => sealHistory({ owner, key: auditKey(config), heads: config.auditHeads, signal }),
});

/** Lets go of acts that are older than they are kept. */
export const oldActs = (owner: Pool, config: Settings & Pick<Config, 'keepActsDays'>): Job => ({
  name: 'old-acts',
  schedule: '29 3 * * *',
  run: (signal) =>
    expireActs({ owner, key: auditKey(config), keepDays: config.keepActsDays, signal }),
});

/** Goes over all that is sealed, and keeps what it has found for the administrators. */
export const checkSeals = (owner: Pool, config: Settings, log: Pick<Logger, 'error'>): Job => ({
  name: 'check-seals',
  schedule: '41 3 * * *',
  async run(signal) {
    const key = auditKey(config);
    const verdicts = await verifyAudit({ owner, key, heads: config.auditHeads });
    for (const { organizationId, sealedTo, findings } of verdicts) {
      signal.throwIfAborted();
      if (findings.length > 0) log.error({ organizationId, findings }, 'the audit was changed');
      await inOrganization(owner, organizationId, (client) =>
        client.query(
          `insert into sync.seal_checks (organization_id, sealed_to, findings) values ($1, $2, $3)
           on conflict (organization_id) do update set sealed_to = excluded.sealed_to,
             findings = excluded.findings, at = now()`,
          [organizationId, sealedTo, findings.slice(0, 100)],
        ),
      );
    }
    return { organizations: verdicts.length };
  },
});
