import type { RefusedChange, UnsentChanges } from './unsent.ts';

/** Changes that the server refused, of every tab of this browser, until the person decides over them. */
export class Tray {
  /** The newest first. */
  list = $state.raw<RefusedChange[]>([]);
  readonly #unsent: UnsentChanges | undefined;

  constructor(unsent: UnsentChanges | undefined) {
    this.#unsent = unsent;
  }

  /** Reads what the browser's database has, which other tabs write into as well. */
  async refresh(): Promise<void> {
    if (this.#unsent) this.list = await this.#unsent.refused();
  }

  add(refused: RefusedChange): void {
    this.list = [refused, ...this.list];
    void this.#unsent?.refuse(refused);
  }

  /** Shows it no more; it is gone from the database when it is discarded, or when it is kept anew. */
  take(refused: RefusedChange): void {
    this.list = this.list.filter((one) => one !== refused);
  }

  discard(refused: RefusedChange): void {
    this.take(refused);
    void this.#unsent?.discard(refused);
  }
}
