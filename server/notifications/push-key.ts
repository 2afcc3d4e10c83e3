import { createECDH } from 'node:crypto';
import type { Config } from '../config.ts';
import { keptSecret } from '../kept-secret.ts';

/** By which push services know this server. A browser is told the public half when it subscribes. */
export interface PushKey {
  subject: string;
  publicKey: string;
  privateKey: string;
}

/** The key of the settings, else the one in the folder of data, which is made at the first asking. */
export function pushKey({
  vapidPrivateKey,
  vapidSubject,
  dataDir,
}: Pick<Config, 'vapidPrivateKey' | 'vapidSubject' | 'dataDir'>): PushKey {
  const privateKey = vapidPrivateKey ?? keptSecret(dataDir, 'push-key');
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(privateKey, 'base64url');
  return { subject: vapidSubject, privateKey, publicKey: pair.getPublicKey('base64url') };
}
