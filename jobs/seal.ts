import type { Pool } from 'pg';
import type { Config } from '#server/config.ts';
import { auditKey } from '#server/audit/key.ts';
import { sealHistory } from '#server/audit/seal.ts';
import type { Job } from './clock.ts';

/** Seals the history of every organization. `owner` is the login that migrates. */
export const seal = (
  owner: Pool,
  config: Pick<Config, 'auditKey' | 'auditHeads' | 'dataDir'>,
): Job => ({
  name: 'seal',
  schedule: '* * * * *',
  run: (signal) => sealHistory({ owner, key: auditKey(config), heads: config.auditHeads, signal }),
});
