import type { Api } from '#lib/api.ts';
import type { EntityName } from '#lib/shared/entities.ts';

type Page = Awaited<ReturnType<Api['call']['trash']['list']['query']>>;
export type Trashed = Page['items'][number];
export interface TrashFilter {
  entity?: EntityName;
  actor?: string;
}

/** What is loaded of the trash, for a filter. */
export class Trash {
  readonly #api: Api;
  #asked = 0;
  filter = $state.raw<TrashFilter>({});
  items = $state.raw<Trashed[]>([]);
  nextBefore = $state<string | null>(null);
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  /** Records that are on their way back. */
  busy = $state.raw<string[]>([]);

  constructor(api: Api) {
    this.#api = api;
  }

  choose(filter: TrashFilter): void {
    this.filter = filter;
    this.phase = 'loading';
  }

  async load(filter: TrashFilter): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const limit = Math.min(100, Math.max(25, this.items.length));
      const page = await this.#page(filter, limit);
      if (asked !== this.#asked) return;
      this.items = page.items;
      this.nextBefore = page.nextBefore;
      this.phase = 'ready';
    } catch {
      if (asked === this.#asked && this.phase === 'loading') this.phase = 'failed';
    }
  }

  async more(): Promise<void> {
    if (!this.nextBefore) return;
    const page = await this.#page(this.filter, 25, this.nextBefore);
    this.items = [...this.items, ...page.items];
    this.nextBefore = page.nextBefore;
  }

  /** A page may be of deletions alone that are somebody else's; then the next one is asked for. */
  async #page(filter: TrashFilter, limit: number, before?: string): Promise<Page> {
    const page = await this.#api.call.trash.list.query({ ...filter, limit, before });
    return page.items.length > 0 || page.nextBefore === null
      ? page
      : this.#page(filter, limit, page.nextBefore);
  }

  /** Answers where the log has it. */
  async restore({ entity, id }: Pick<Trashed, 'entity' | 'id'>): Promise<number> {
    this.busy = [...this.busy, id];
    try {
      const context = { mutationId: crypto.randomUUID() };
      const { position } = (await this.#api.client.mutation(
        'trash.restore',
        { entity, id },
        { context },
      )) as { position: number };
      this.items = this.items.filter((one) => one.id !== id);
      return position;
    } finally {
      this.busy = this.busy.filter((one) => one !== id);
    }
  }
}
