import { createHash } from 'node:crypto';
import { Problem } from './values.ts';

/** Records by name, as people spell names: letter case, spaces and е/ё do not matter. */
export class Names {
  readonly #ids = new Map<string, string | null>();
  readonly keyOf: (name: string) => string;

  constructor(keyOf: (name: string) => string = nameKey) {
    this.keyOf = keyOf;
  }

  add(name: string, id: string): void {
    const key = this.keyOf(name);
    const known = this.#ids.get(key);
    this.#ids.set(key, known === undefined || known === id ? id : null);
  }

  /** Undefined where nobody has the name; a problem where several do. */
  find(name: string): string | Problem | undefined {
    const id = this.#ids.get(this.keyOf(name));
    return id === null ? new Problem(`several are called “${name}”`) : id;
  }
}

export const nameKey = (name: string): string =>
  name.normalize('NFKC').toLowerCase().replaceAll('ё', 'е').replace(/\s+/g, ' ').trim();

/** Of products also spaces and hyphens do not matter: GTXPro is GTX Pro. */
export const productKey = (name: string): string => nameKey(name).replace(/[\s-]+/g, '');

/** Remembers on which line a key came first, in 48 bits a key, so that a million of them fit. */
export class SeenKeys {
  readonly #lines = new Map<number, number>();

  /** The line of the first record with this key, where this is not the first. */
  lineBefore(key: string, line: number): number | undefined {
    const short = createHash('sha1').update(key).digest().readUIntBE(0, 6);
    const before = this.#lines.get(short);
    if (before === undefined) this.#lines.set(short, line);
    return before;
  }
}
