import { uuidv7 } from 'uuidv7';

/** A new record's id, made where the record is made. */
export const newId = (): string => uuidv7();

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const sixBits = new Map([...alphabet].map((letter, value) => [letter, value]));

/** A uuid as 22 letters of base64url, which is what travels in frames. */
export function packId(id: string): string {
  const hex = id.replaceAll('-', '');
  let packed = '';
  for (let at = 0; at < 30; at += 3) {
    const bits = Number.parseInt(hex.slice(at, at + 3), 16);
    packed += alphabet.charAt(bits >> 6) + alphabet.charAt(bits & 63);
  }
  const rest = Number.parseInt(hex.slice(30), 16);
  return packed + alphabet.charAt(rest >> 2) + alphabet.charAt((rest & 3) << 4);
}

export function unpackId(packed: string): string {
  let hex = '';
  for (let at = 0; at < 20; at += 2) {
    const bits = (bitsOf(packed, at) << 6) | bitsOf(packed, at + 1);
    hex += bits.toString(16).padStart(3, '0');
  }
  hex += ((bitsOf(packed, 20) << 2) | (bitsOf(packed, 21) >> 4)).toString(16).padStart(2, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const bitsOf = (packed: string, at: number): number => sixBits.get(packed.charAt(at)) ?? 0;
