import { SvelteMap } from 'svelte/reactivity';
import { unpackId } from '#lib/shared/ids.ts';
import type { Presence, PresenceEntry } from '#lib/shared/wire.ts';

/** Somebody's tab that is open now. */
export interface Here extends Presence {
  tab: string;
  memberId: string;
}

/** Who is here, where, and what they hold; and what this tab tells the others. */
export class PresenceMap {
  readonly #tabs = new SvelteMap<string, Here>();
  readonly #tell: (state: Presence) => void;
  readonly #ownTab: () => string | undefined;
  #own: Presence = { place: '' };

  constructor(tell: (state: Presence) => void, ownTab: () => string | undefined) {
    this.#tell = tell;
    this.#ownTab = ownTab;
  }

  /** Members who have a tab open, each once, with their latest place. */
  get people(): Here[] {
    return [...new Map([...this.#tabs.values()].map((here) => [here.memberId, here])).values()];
  }

  at(place: string): Here[] {
    const those = [...this.#tabs.values()].filter((here) => here.place === place);
    return [...new Map(those.map((here) => [here.memberId, here])).values()];
  }

  /** Who carries a card in another tab. */
  lifterOf(recordId: string): Here | undefined {
    return this.#others().find(({ lifted }) => lifted === recordId);
  }

  /** Who is in a field, named `record/field`, in another tab. */
  inField(field: string): Here | undefined {
    return this.#others().find((here) => here.field === field);
  }

  setPlace(place: string): void {
    this.#say({ place });
  }

  lift(recordId: string | null): void {
    const { lifted: _, ...rest } = this.#own;
    this.#say(recordId ? { ...rest, lifted: recordId } : rest);
  }

  focusField(field: string | null): void {
    const { field: _, ...rest } = this.#own;
    this.#say(field ? { ...rest, field } : rest);
  }

  #say(state: Presence): void {
    this.#own = state;
    this.#tell(state);
  }

  /** After a new connection the server knows nothing of this tab. */
  repeat(): void {
    this.#tabs.clear();
    this.#tell(this.#own);
  }

  take(entries: PresenceEntry[]): void {
    for (const [tab, member, state] of entries) {
      if (state) this.#tabs.set(tab, { tab, memberId: unpackId(member), ...state });
      else this.#tabs.delete(tab);
    }
  }

  clear(): void {
    this.#tabs.clear();
  }

  #others(): Here[] {
    const own = this.#ownTab();
    return [...this.#tabs.values()].filter(({ tab }) => tab !== own);
  }
}
