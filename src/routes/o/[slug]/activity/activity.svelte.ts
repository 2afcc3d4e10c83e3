import type { Api } from '#lib/api.ts';
import type { EntityName } from '#lib/shared/entities.ts';
import { gathered, type Told } from '#lib/shared/history.ts';

export const acts = ['created', 'changed', 'deleted', 'undone'] as const;

export interface ActivityFilter {
  actor?: string;
  entity?: EntityName;
  action?: (typeof acts)[number];
  field?: string;
  run?: string;
}

type Names = Record<string, string>;

interface Page {
  entries: Told[];
  nextBefore: string | null;
}

const atOnce = 40;

/** What is loaded of the organization's timeline, for a filter. */
export class Activity {
  readonly #api: Api;
  #entries = $state.raw<Told[]>([]);
  #asked = 0;
  names = $state.raw<Names>({});
  nextBefore = $state<string | null>(null);
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  isLoadingMore = $state(false);
  readonly groups = $derived(gathered(this.#entries));

  constructor(api: Api) {
    this.#api = api;
  }

  /** Loads from the top; what stands there stays until the answer is here. */
  async load(filter: ActivityFilter): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const page = await this.#page(filter);
      if (asked !== this.#asked) return;
      this.#entries = this.#joined(page);
      this.names = { ...this.names, ...page.names };
      this.phase = 'ready';
    } catch {
      if (asked === this.#asked && this.#entries.length === 0) this.phase = 'failed';
    }
  }

  /** Forgets what is here: another filter. */
  clear(): void {
    this.#entries = [];
    this.nextBefore = null;
    this.phase = 'loading';
  }

  async more(filter: ActivityFilter): Promise<void> {
    if (!this.nextBefore || this.isLoadingMore) return;
    const asked = this.#asked;
    this.isLoadingMore = true;
    try {
      const page = await this.#page(filter, this.nextBefore);
      if (asked !== this.#asked) return;
      this.#entries = [...this.#entries, ...page.entries];
      this.nextBefore = page.nextBefore;
      this.names = { ...this.names, ...page.names };
    } catch {
      this.phase = 'failed';
    } finally {
      this.isLoadingMore = false;
    }
  }

  /** A page may be of rows alone that say nothing; then the next one is asked for. */
  async #page(filter: ActivityFilter, before?: string): Promise<Page & { names: Names }> {
    const { ofOrganization } = this.#api.call.timeline;
    const page = await ofOrganization.query({ ...filter, before, limit: atOnce });
    return page.entries.length > 0 || page.nextBefore === null
      ? page
      : this.#page(filter, page.nextBefore);
  }

  /** The newest before what is known, where the two meet; else it begins anew with them. */
  #joined({ entries, nextBefore }: Page): Told[] {
    const last = entries.at(-1)?.place;
    const at = this.#entries.findIndex(({ place }) => place === last);
    if (at < 0) {
      this.nextBefore = nextBefore;
      return entries;
    }
    return [...entries, ...this.#entries.slice(at + 1)];
  }
}
