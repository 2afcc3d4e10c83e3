import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Config } from '../config.ts';
import { keptSecret } from '../kept-secret.ts';

/** Signs the heads of the audit's chains; the database never sees it. */
export interface AuditKey {
  sign(text: string): Buffer;
  verify(text: string, signature: Buffer): boolean;
}

// What PKCS #8 has before the 32 bytes of an Ed25519 key.
const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key of the settings, else the one in the folder of data, which is made at the first asking. */
export function auditKey({
  auditKey: given,
  dataDir,
}: Pick<Config, 'auditKey' | 'dataDir'>): AuditKey {
  const seed = Buffer.from(given ?? keptSecret(dataDir, 'audit-key'), 'base64url');
  const key = createPrivateKey({
    key: Buffer.concat([prefix, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return withKey(key);
}

function withKey(key: KeyObject): AuditKey {
  const publicKey = createPublicKey(key);
  return {
    sign: (text) => sign(null, Buffer.from(text), key),
    verify: (text, signature) => verify(null, Buffer.from(text), publicKey, signature),
  };
}
