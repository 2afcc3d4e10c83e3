import { parseDate } from '@internationalized/date';
import type { Api } from '#lib/api.ts';

/** What is asked for; days as in `2026-11-21`, both of them in it. */
export interface AuditFilter {
  actor: string;
  entity: string;
  since: string;
  until: string;
}

export const noFilter: AuditFilter = { actor: '', entity: '', since: '', until: '' };

type Page = Awaited<ReturnType<Api['call']['audit']['list']['query']>>;
type Seal = Awaited<ReturnType<Api['call']['audit']['state']['query']>>;
export type Entry = Page['entries'][number];

const atOnce = 50;

/** What is loaded of the audit, for a filter. */
export class Audit {
  readonly #api: Api;
  readonly #timeZone: () => string;
  #asked = 0;
  entries = $state.raw<Entry[]>([]);
  seal = $state.raw<Seal>();
  nextBefore = $state<string | null>(null);
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  isLoadingMore = $state(false);

  constructor(api: Api, timeZone: () => string) {
    this.#api = api;
    this.#timeZone = timeZone;
  }

  /** Loads from the top; what stands there stays until the answer is here. */
  async load(filter: AuditFilter, { isOther }: { isOther: boolean }): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    if (isOther) this.phase = 'loading';
    try {
      const { call } = this.#api;
      const [page, seal] = await Promise.all([
        call.audit.list.query({ ...this.inputOf(filter), limit: atOnce }),
        call.audit.state.query(),
      ]);
      if (asked !== this.#asked) return;
      this.#join(page, isOther);
      this.seal = seal;
      this.phase = 'ready';
    } catch {
      if (asked === this.#asked && (isOther || this.entries.length === 0)) this.phase = 'failed';
    }
  }

  async more(filter: AuditFilter): Promise<void> {
    if (!this.nextBefore || this.isLoadingMore) return;
    const asked = this.#asked;
    this.isLoadingMore = true;
    try {
      const before = this.nextBefore;
      const input = { ...this.inputOf(filter), before, limit: atOnce };
      const page = await this.#api.call.audit.list.query(input);
      // What came in at the top meanwhile changes nothing here; another filter does.
      if (asked !== this.#asked && before !== this.nextBefore) return;
      this.entries = [...this.entries, ...page.entries];
      this.nextBefore = page.nextBefore;
    } catch {
      this.phase = 'failed';
    } finally {
      this.isLoadingMore = false;
    }
  }

  /** The filter as the server takes it, by the days of the organization. */
  inputOf({ actor, entity, since, until }: AuditFilter) {
    const start = (day: string, after = 0) =>
      parseDate(day).add({ days: after }).toDate(this.#timeZone()).toISOString();
    return {
      ...(actor && { actor }),
      ...(entity && { entity }),
      ...(since && { since: start(since) }),
      ...(until && { until: start(until, 1) }),
    };
  }

  /** The newest before what is known, where the two meet; else it begins anew with them. */
  #join({ entries, nextBefore }: Page, isOther: boolean): void {
    const last = entries.at(-1)?.place;
    const at = isOther ? -1 : this.entries.findIndex(({ place }) => place === last);
    if (at < 0) this.nextBefore = nextBefore;
    this.entries = at < 0 ? entries : [...entries, ...this.entries.slice(at + 1)];
  }
}
