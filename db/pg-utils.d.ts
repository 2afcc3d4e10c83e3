declare module 'pg/lib/utils.js' {
  /** A value as the protocol says it: a text, bytes or null. */
  export function prepareValue(value: unknown): string | Buffer | null;
}
