import type { Conflict, RemoteNote } from '#lib/live/notes.svelte.ts';
import type { Customers } from './customers.svelte.ts';

interface Named {
  id: string;
  name: string;
}

const fresh = 2_200;
const conflictFields = ['name', 'email', 'phone', 'status', 'city', 'ownerId', 'notes'];

/** Others in this table: who is here, who edits what, and what they changed just now. */
export class CustomerPeople {
  readonly #customers: Customers;
  /** When a note was first shown here: clocks of two machines differ. */
  readonly #seen = new WeakMap<RemoteNote, number>();
  #now = $state(0);

  constructor(customers: Customers) {
    this.#customers = customers;
  }

  get #live() {
    return this.#customers.live;
  }

  readonly here = $derived.by(() =>
    this.#live.presence.people
      .filter(({ place }) => place.startsWith('customers'))
      .map((one) => this.#named(one.memberId)),
  );

  at(id: string): Named[] {
    return this.#live.presence.at(`customers/${id}`).map((one) => this.#named(one.memberId));
  }
  fieldHolder(id: string, field: string): Named | undefined {
    const here = this.#live.presence.inField(`${id}/${field}`);
    return here && this.#named(here.memberId);
  }
  focusField(id: string, field: string | null): void {
    this.#live.presence.focusField(field && `${id}/${field}`);
  }

  /** Who changed the customer just now. */
  changedBy(id: string): Named | undefined {
    const note = this.#freshNote(id);
    return note && this.#named(note.by ?? 'system');
  }
  fieldChangedBy(id: string, field: string): Named | undefined {
    const note = this.#freshNote(id);
    return note?.fields[field] ? this.#named(note.by ?? 'system') : undefined;
  }

  /** Fields that another person and I changed at the same time: both values stand side by side. */
  conflictsOf(id: string): Conflict[] {
    return this.#live.notes
      .conflictsOf('customers', id)
      .filter(({ field }) => conflictFields.includes(field));
  }
  resolve(conflict: Conflict): void {
    this.#live.notes.resolve(conflict);
  }

  #named(id: string): Named {
    const { words } = this.#customers;
    return { id, name: this.#customers.memberName(id) || words.t('history.system') };
  }

  #freshNote(id: string): RemoteNote | undefined {
    const note = this.#live.notes.of('customers', id);
    if (!note) return undefined;
    const seenAt = this.#seen.get(note) ?? Date.now();
    if (!this.#seen.has(note)) {
      this.#seen.set(note, seenAt);
      setTimeout(() => (this.#now = Date.now()), fresh);
    }
    const isFresh = this.#live.isPast || Math.max(this.#now, Date.now()) - seenAt < fresh;
    return isFresh ? note : undefined;
  }
}
