import { nameOf, type RefusedChange, type UnsentChanges } from './unsent.ts';

/** Changes that the server refused, of every tab of this browser, until the person decides over them. */
export class Tray {
  /** The newest first. */
  list = $state.raw<RefusedChange[]>([]);
  readonly #unsent: UnsentChanges | undefined;
  /** Not in the browser's database, or on their way there. */
  readonly #loose = new Map<string, RefusedChange>();
  /** Decided over here, whatever the database still says. */
  readonly #decided = new Set<string>();

  /** Hears of each change as it is refused. */
  onRefused: ((refused: RefusedChange) => void) | undefined;

  constructor(unsent: UnsentChanges | undefined) {
    this.#unsent = unsent;
  }

  /** Reads what the browser's database has, which other tabs write into as well. */
  async refresh(): Promise<void> {
    const kept = (await this.#unsent?.refused()) ?? [];
    const all = new Map([...kept.map((one) => [nameOf(one), one] as const), ...this.#loose]);
    this.list = [...all.values()]
      .filter((one) => !this.#decided.has(nameOf(one)))
      .sort((a, b) => b.refusedAt - a.refusedAt);
  }

  async add(refused: RefusedChange): Promise<void> {
    const name = nameOf(refused);
    this.#loose.set(name, refused);
    this.list = [refused, ...this.list];
    this.onRefused?.(refused);
    if (!(await this.#unsent?.refuse(refused))) return;
    this.#loose.delete(name);
    await this.refresh();
  }

  /** Shows it no more; it is gone from the database when it is discarded, or when it is kept anew. */
  take(refused: RefusedChange): void {
    const name = nameOf(refused);
    this.#decided.add(name);
    this.#loose.delete(name);
    this.list = this.list.filter((one) => nameOf(one) !== name);
  }

  discard(refused: RefusedChange): void {
    this.take(refused);
    void this.#unsent?.discard(refused);
  }
}
