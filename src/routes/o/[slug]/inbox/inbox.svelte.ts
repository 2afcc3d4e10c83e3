import type { OpenLive } from '#lib/live/context.ts';
import { createActivity, noteOf } from '#lib/shared/activities.ts';
import type { Row } from '#lib/shared/entities.ts';
import {
  inboxTabs,
  isInTab,
  isOfNobody,
  type InboxTab,
  type InboxWords,
} from '#lib/shared/inbox.ts';
import { sentenceOf } from '#lib/shared/inbox-sentence.ts';
import {
  markNotifications,
  readAllNotifications,
  snoozeNotifications,
} from '#lib/shared/notifications.ts';
import { faultText } from '#lib/ui/fault.ts';
import { namingOf } from '#lib/ui/inbox/naming.ts';
import type { Toasts } from '#lib/ui/toasts.svelte.ts';
import type { Words } from '#lib/ui/words.svelte.ts';

export type Told = Row<'notifications'>;
export type Tab = InboxTab | 'snoozed';
export const tabs: readonly Tab[] = [...inboxTabs, 'snoozed'];

/** All that one is told of one record, the newest first. */
export interface Group {
  key: string;
  entity: string;
  recordId: string;
  title: string;
  at: number;
  told: Told[];
  lead: Told;
  unread: number;
}

interface Around {
  live: OpenLive;
  words: Words;
  toasts: Toasts;
  say: () => InboxWords;
  slug: () => string;
  url: () => URL;
  goTo: (url: URL, options: { isReplacing: boolean }) => void;
  leaveTo: (address: string) => void;
}

/** The inbox of the one who looks: its rows in groups, the one that is chosen, and what is done with it. */
export class Inbox {
  readonly #around: Around;
  /** Left unread by hand: looking at it does not read it. */
  #leftUnread = $state<string>();

  constructor(around: Around) {
    this.#around = around;
  }

  readonly tab = $derived.by((): Tab => {
    const asked = this.#around.url().searchParams.get('tab');
    return tabs.find((tab) => tab === asked) ?? 'all';
  });
  readonly openKey = $derived.by(() => this.#around.url().searchParams.get('open') ?? undefined);

  readonly #rows = $derived.by(() =>
    this.#around.live.rows('notifications').all.filter(({ state }) => state !== 'done'),
  );
  readonly snoozed = $derived.by(() => groupsOf(this.#rows.filter(isSnoozed)));
  readonly #here = $derived.by(() => this.#rows.filter((row) => !isSnoozed(row)));
  readonly groups = $derived.by(() => {
    const { tab } = this;
    if (tab === 'snoozed') return this.snoozed;
    return groupsOf(this.#here.filter(({ kind }) => isInTab(tab, kind)));
  });
  readonly place = $derived.by(() => this.groups.findIndex(({ key }) => key === this.openKey));
  readonly open = $derived.by(() => this.groups[this.place]);

  unreadIn(tab: Tab): number {
    if (tab === 'snoozed') return this.snoozed.length;
    const isUnread = ({ state, kind }: Told) => state === 'unread' && isInTab(tab, kind);
    return groupsOf(this.#here.filter(isUnread)).length;
  }

  /** `Анна`, or what else did it; undefined where nobody did. */
  actorOf({ actor, kind }: Told): { id: string; name: string; isApp: boolean } | undefined {
    if (isOfNobody(kind)) return undefined;
    const member = this.#around.live.rows('members').get(actor);
    if (member) return { id: member.id, name: member.name, isApp: false };
    const say = this.#around.say();
    return {
      id: 'system',
      name: actor === 'import' ? say('import') : say('somebody'),
      isApp: true,
    };
  }

  sentence(told: Told): string {
    const { live, words, say } = this.#around;
    return sentenceOf(say(), told, namingOf(live, words));
  }

  choose(tab: Tab): void {
    const url = new URL(this.#around.url());
    if (tab === 'all') url.searchParams.delete('tab');
    else url.searchParams.set('tab', tab);
    url.searchParams.delete('open');
    this.#around.goTo(url, { isReplacing: true });
  }

  /** From the list alone, as on a phone, the way back leads to the list. */
  show(group: Group | undefined, { isReplacing = true } = {}): void {
    const url = new URL(this.#around.url());
    if (group) url.searchParams.set('open', group.key);
    else url.searchParams.delete('open');
    this.#leftUnread = undefined;
    this.#around.goTo(url, { isReplacing });
  }

  step(by: 1 | -1): void {
    const { place, groups } = this;
    const next = groups[place < 0 ? 0 : Math.min(groups.length - 1, Math.max(0, place + by))];
    if (next && next.key !== this.openKey) this.show(next);
  }

  /** What is looked at is read, also what comes while one looks. */
  look(): void {
    const { open } = this;
    if (open && open.unread > 0 && open.key !== this.#leftUnread && this.tab !== 'snoozed')
      this.#mark(open, 'read');
  }

  toggleRead(): void {
    const { open } = this;
    if (!open) return;
    this.#leftUnread = open.unread > 0 ? undefined : open.key;
    this.#mark(open, open.unread > 0 ? 'read' : 'unread');
  }

  finish(): void {
    const { open, words, toasts, say } = { ...this.#around, open: this.open };
    if (!open) return;
    this.#leaveOpen();
    this.#mark(open, 'done');
    toasts.show({
      text: say()('isDone', { count: open.told.length }),
      action: { label: words.t('common.undo'), run: () => this.#mark(open, 'read') },
    });
  }

  snooze(until: number): void {
    const { open } = this;
    if (!open) return;
    this.#leaveOpen();
    const { live } = this.#around;
    void this.#answered(live.change(snoozeNotifications, { ids: idsOf(open), until }).done);
  }

  wake(): void {
    const { open } = this;
    if (open) this.#mark(open, 'unread');
  }

  readAll(): void {
    const newest = Math.max(0, ...this.#here.map(({ at }) => at));
    void this.#answered(this.#around.live.change(readAllNotifications, { upTo: newest }).done);
  }

  /** Answers with a note to the record. */
  reply(group: Group, ...said: Parameters<typeof noteOf>): void {
    const { live } = this.#around;
    const { recordId } = group;
    const deal = live.rows('deals').get(recordId);
    const about = deal
      ? { dealId: recordId, customerId: deal.customerId }
      : { customerId: recordId };
    void this.#answered(live.change(createActivity, { ...noteOf(...said), ...about }).done);
  }

  get home(): string {
    return `/o/${this.#around.slug()}`;
  }

  /** What a group is about, when that has a history of its own. */
  recordOf({ entity }: Group): 'deals' | 'customers' | undefined {
    return entity === 'deals' || entity === 'customers' ? entity : undefined;
  }

  /** Where a group leads: its record, or the audit. */
  addressOf({ entity, recordId, told }: Group): string | undefined {
    if (entity === 'deals') return `${this.home}/deals?deal=${recordId}`;
    if (entity === 'customers') return `${this.home}/customers?customer=${recordId}`;
    return told.some(isOfAudit) ? `${this.home}/settings/audit` : undefined;
  }

  enter(group = this.open): void {
    const address = group && this.addressOf(group);
    if (!address) return;
    if (group.unread > 0) this.#mark(group, 'read');
    this.#around.leaveTo(address);
  }

  /** The next one is shown, where there is one. */
  #leaveOpen(): void {
    const { groups, place } = this;
    this.show(groups[place + 1] ?? groups[place - 1]);
  }

  #mark(group: Group, state: 'unread' | 'read' | 'done'): void {
    const told = state === 'read' ? group.told.filter((one) => one.state !== 'read') : group.told;
    const ids = told.slice(0, 500).map(({ id }) => id);
    const made = this.#around.live.change(markNotifications, { ids, state });
    void this.#answered(made.done);
  }

  async #answered(done: ReturnType<OpenLive['change']>['done']): Promise<void> {
    const { words, toasts } = this.#around;
    const outcome = await done;
    // What is gone meanwhile needs no mark.
    if (outcome.ok || outcome.error.code === 'NOT_FOUND') return;
    toasts.show({ text: faultText(words.t, outcome.error), tone: 'danger' });
  }
}

const isOfAudit = ({ kind, entity }: Told): boolean =>
  kind === 'alert' && entity === 'organizations';
const isSnoozed = ({ state }: Told): boolean => state === 'snoozed';
const idsOf = ({ told }: Group): string[] => told.slice(0, 500).map(({ id }) => id);

function groupsOf(rows: Told[]): Group[] {
  const byRecord = Map.groupBy(rows, ({ recordId }) => recordId);
  return [...byRecord]
    .flatMap(([recordId, some]): Group[] => {
      const told = some.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
      const [newest] = told;
      if (!newest) return [];
      const unread = told.filter(({ state }) => state === 'unread');
      const lead = unread[0] ?? newest;
      const { entity, title, at } = newest;
      return [{ key: recordId, entity, recordId, title, at, told, lead, unread: unread.length }];
    })
    .sort((a, b) => b.at - a.at || (a.key < b.key ? 1 : -1));
}
