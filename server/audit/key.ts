import {
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config.ts';

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
  const seed = Buffer.from(given ?? keptSeed(dataDir), 'base64url');
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

function keptSeed(dataDir: string): string {
  const file = path.join(dataDir, 'audit-key');
  if (!existsSync(file)) {
    mkdirSync(dataDir, { recursive: true });
    try {
      writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, {
        mode: 0o600,
        flag: 'wx',
      });
    } catch (error) {
      if (!existsSync(file)) throw error;
    }
  }
  return readFileSync(file, 'utf8').trim();
}
