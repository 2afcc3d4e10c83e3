import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** A secret for a cookie, a link or a token: 256 bits, safe in an address. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** What is stored in place of a secret; a slow hash would add nothing to 256 random bits. */
export const fingerprint = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** A key of its own for each purpose, so that what one signs means nothing to another. */
export function keyFor(purpose: string, secretKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, '', purpose, 32));
}

export function sign(purpose: string, secretKey: string, text: string): string {
  return createHmac('sha256', keyFor(purpose, secretKey)).update(text).digest('base64url');
}

/** The same id for the same words: a record made by a repeated call is the same record. */
export function derivedId(...words: string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(words)).digest('hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
