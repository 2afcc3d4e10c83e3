import { SvelteMap } from 'svelte/reactivity';
import type { Conflict, RemoteNote } from '#lib/live/notes.svelte.ts';
import type { Deal } from '#lib/shared/entities.ts';
import type { MessageKey } from '#lib/shared/i18n.ts';
import { firstNameOf } from '#lib/ui/person.ts';
import type { Board } from './board.svelte.ts';

/** What another person has just changed on a card; `at` is when, in milliseconds. */
export interface Wash {
  person: { id: string; name: string };
  at: number;
  text: string;
}

const fresh = 2_200;
const mineFor = 10_000;
const fieldNames: Record<string, MessageKey> = {
  title: 'deal.title',
  value: 'deal.value',
  ownerId: 'deal.owner',
  customerId: 'deal.customer',
  expectedCloseOn: 'deal.closing',
  priority: 'deal.priority',
  probability: 'deal.probability',
  tags: 'deal.tags',
  description: 'deal.description',
  nextActivityId: 'deal.nextActivity',
  stageId: 'deal.stage',
};

const conflictFields = ['title', 'value', 'expectedCloseOn', 'ownerId', 'priority', 'description'];

/** Others on this board: who is here, who carries or edits what, and what they changed just now. */
export class BoardPeople {
  readonly #board: Board;
  /** When a note was first shown here: clocks of two machines differ. */
  readonly #seen = new WeakMap<RemoteNote, number>();
  readonly #mine = new SvelteMap<string, { stageId: string; before: RemoteNote | undefined }>();
  #now = $state(0);

  constructor(board: Board) {
    this.#board = board;
  }

  /** Everybody who looks at this board or at a deal of it. */
  readonly here = $derived.by(() => {
    const { people } = this.#board.live.presence;
    const place = this.place();
    return people.filter((person) => person.place.startsWith(place)).map((one) => this.#named(one));
  });

  /** Changes whenever a wash ends. */
  get washTick(): number {
    return this.#now;
  }
  place(dealId?: string): string {
    const place = `deals/${this.#board.pipeline?.id ?? ''}`;
    return dealId ? `${place}/${dealId}` : place;
  }
  at(dealId: string) {
    return this.#board.live.presence.at(this.place(dealId)).map((one) => this.#named(one));
  }
  holderOf(dealId: string): { id: string; name: string } | undefined {
    return this.#named(this.#board.live.presence.lifterOf(dealId));
  }
  fieldHolder(dealId: string, field: string): { id: string; name: string } | undefined {
    return this.#named(this.#board.live.presence.inField(`${dealId}/${field}`));
  }
  focusField(dealId: string, field: string | null): void {
    this.#board.live.presence.focusField(field && `${dealId}/${field}`);
  }

  /** I moved a deal just now; should somebody else move it on, I am told. */
  moved(dealId: string, stageId: string): void {
    this.#mine.set(dealId, { stageId, before: this.#board.live.notes.of('deals', dealId) });
    setTimeout(() => this.#mine.delete(dealId), mineFor);
  }

  /** Deals that I moved and somebody else moved after me, with who; each is answered once. */
  takeOvertaken(): { deal: Deal; by: string; stageId: string }[] {
    return [...this.#mine].flatMap(([dealId, { stageId, before }]) => {
      const deal = this.#board.deal(dealId);
      const note = this.#board.live.notes.of('deals', dealId);
      if (!deal || !note?.fields.stageId || note === before || deal.stageId === stageId) return [];
      this.#mine.delete(dealId);
      return [{ deal, by: note.by ?? '', stageId }];
    });
  }

  washOf(deal: Deal): Wash | undefined {
    const note = this.#freshNote(deal.id);
    if (!note) return undefined;
    const member = this.#board.memberName(note.by);
    const name = member || this.#board.words.t('history.system');
    const short = member ? firstNameOf(member) : name;
    const fields = Object.keys(note.fields).filter((field) => field in fieldNames);
    const shown = fields.includes('stageId') ? ['stageId'] : fields;
    const { words } = this.#board;
    const told = { person: { id: note.by, name }, at: note.at };
    if (note.isGone) return { ...told, text: words.t('deal.deletedBy', { name: short }) };
    const what = shown.map((field) => this.#describe(field, note.fields[field], deal)).join(', ');
    return {
      ...told,
      text: what && words.t('deal.changedBy', { name: short, what }),
    };
  }
  /** Fields that another person and I changed at the same time: both values stand side by side. */
  conflictsOf(deal: Deal): Conflict[] {
    return this.#board.live.notes
      .conflictsOf('deals', deal.id)
      .filter(({ field }) => conflictFields.includes(field));
  }
  resolve(conflict: Conflict): void {
    this.#board.live.notes.resolve(conflict);
  }
  fieldChangedBy(dealId: string, field: string): { id: string; name: string } | undefined {
    const note = this.#freshNote(dealId);
    if (!note?.fields[field]) return undefined;
    return { id: note.by, name: this.#board.memberName(note.by) };
  }

  #named(person: { memberId: string }): { id: string; name: string };
  #named(person: { memberId: string } | undefined): { id: string; name: string } | undefined;
  #named(person: { memberId: string } | undefined) {
    return person && { id: person.memberId, name: this.#board.memberName(person.memberId) };
  }

  #freshNote(dealId: string): (RemoteNote & { by: string }) | undefined {
    const note = this.#board.live.notes.of('deals', dealId);
    if (!note) return undefined;
    const seenAt = this.#seen.get(note) ?? Date.now();
    if (!this.#seen.has(note)) {
      this.#seen.set(note, seenAt);
      setTimeout(() => (this.#now = Date.now()), fresh);
    }
    const isFresh = this.#board.live.isPast || Math.max(this.#now, Date.now()) - seenAt < fresh;
    return isFresh ? { ...note, by: note.by ?? 'system' } : undefined;
  }

  #describe(field: string, change: { from: unknown; to: unknown } | undefined, deal: Deal): string {
    const { words } = this.#board;
    const key = fieldNames[field];
    const say: (key: MessageKey) => string = words.t;
    const name = key ? say(key).toLocaleLowerCase(words.locale) : field;
    if (field === 'stageId') {
      const stageId = typeof change?.to === 'string' ? change.to : deal.stageId;
      return `→ ${this.#board.stageOf(stageId)?.name ?? ''}`;
    }
    if (field !== 'value') return name;
    const amount = (value: unknown): string =>
      typeof value === 'number' ? words.compactMoney({ value, currency: deal.currency }) : '–';
    return `${name} ${amount(change?.from)} → ${amount(change?.to)}`;
  }
}
