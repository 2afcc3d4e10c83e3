import type { Api } from '#lib/api.ts';
import { isOnesOwn } from './undo.ts';
import { nameOf, type RefusedChange, type UnsentChanges } from './unsent.ts';

/** Who made a change so many milliseconds before it was refused may be elsewhere by now. */
const awayAfter = 60_000;

/** Changes that the server refused, of every tab of this browser, until the person decides over them. */
export class Tray {
  /** The newest first. */
  list = $state.raw<RefusedChange[]>([]);
  readonly #unsent: UnsentChanges | undefined;
  /** Not in the browser's database, or on their way there. */
  readonly #loose = new Map<string, RefusedChange>();
  /** Decided over here, whatever the database still says. */
  readonly #decided = new Set<string>();

  readonly #api: Api;

  constructor(unsent: UnsentChanges | undefined, api: Api) {
    this.#unsent = unsent;
    this.#api = api;
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
    void this.#tell(refused);
    if (!(await this.#unsent?.refuse(refused))) return;
    this.#loose.delete(name);
    await this.refresh();
  }

  /** What is refused so late is said in the inbox as well, which is where the person is. */
  async #tell(refused: RefusedChange): Promise<void> {
    const { clientId, seq, name, input, about, madeAt, refusedAt } = refused;
    const { id: recordId } = (input ?? {}) as { id?: string };
    if (refusedAt - madeAt < awayAfter || !recordId || isOnesOwn(name)) return;
    const notice = { key: `${clientId}:${seq}`, name, recordId, about, madeAt };
    // Should it not arrive, the tray still has the change.
    await this.#api.call.notifications.refused.mutate(notice).catch(() => undefined);
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
