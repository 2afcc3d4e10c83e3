import { createContext } from 'svelte';
import type { OpenLive } from '#lib/live/context.ts';
import { gathered, type Told, type ToldTogether } from '#lib/shared/history.ts';
import { markSeen } from './mark-seen.ts';

/** Who steps through the records has looked at none of them. */
const glance = 400;
const atOnce = 100;

interface News {
  at: Date;
  groups: ToldTogether[];
  /** There is more than is told. */
  isCut: boolean;
}

/** What others changed in a record since I looked at it last; it stands until I leave the record. */
export class RecordNews {
  readonly #live: OpenLive;
  found = $state.raw<News>();
  readonly fields: ReadonlySet<string> = $derived(
    new Set(this.found?.groups.flatMap(({ changes }) => changes.map(({ field }) => field))),
  );

  constructor(live: OpenLive) {
    this.#live = live;
  }

  /** Begins a look; what it answers ends it. */
  look(entity: 'deals' | 'customers', id: string): () => void {
    if (this.#live.isPast) return () => undefined;
    const place = `${entity}/${id}`;
    let hasLooked = false;
    let isOver = false;
    const timer = setTimeout(() => {
      void this.#ask(entity, id).then(
        (found) => {
          if (isOver) return;
          hasLooked = true;
          this.found = found;
        },
        // It is told the next time.
        () => undefined,
      );
    }, glance);
    const leave = () => hasLooked && markSeen(this.#live, place);
    window.addEventListener('pagehide', leave);
    return () => {
      isOver = true;
      clearTimeout(timer);
      window.removeEventListener('pagehide', leave);
      this.found = undefined;
      leave();
    };
  }

  async #ask(entity: 'deals' | 'customers', id: string): Promise<News | undefined> {
    const { looks, timeline } = this.#live.api.call;
    const since = await looks.since.query({ place: `${entity}/${id}` });
    if (!since) return undefined;
    const { position } = since;
    const { memberId } = this.#live.me;
    const at = new Date(since.at);
    if (since.news.length === 0) return { at, groups: [], isCut: false };
    const { entries } = await timeline.ofRecord.query({ entity, id, limit: atOnce });
    const newer = (entries as Told[]).filter((one) => one.position > position);
    const others = newer.filter(({ actor }) => actor?.memberId !== memberId);
    return { at, groups: gathered(others), isCut: newer.length === atOnce };
  }
}

export const [getRecordNews, setRecordNews] = createContext<RecordNews>();
