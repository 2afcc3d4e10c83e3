import type { Server } from 'socket.io';
import { topics, type TopicName } from '#lib/shared/entities.ts';
import type { ClientMessages, Frame, ServerMessages, WireTx } from '#lib/shared/wire.ts';
import { isOwnKey, isPersonal } from '../access.ts';
import { Kept, type Held } from './kept.ts';
import type { Listing, LoadedList } from './listing.ts';
import { opFor, wireActor, type LogTx, type View } from './log.ts';
import type { Totals } from './totals.ts';

/** Whose rights may have changed. */
interface Standings {
  members: Set<string>;
  roles: Set<string>;
  isEverybody: boolean;
}
const noStandings = (): Standings => ({ members: new Set(), roles: new Set(), isEverybody: false });

export type Io = Server<ClientMessages, ServerMessages>;

/** Transactions kept in memory for those who come back: by count, by rows and by bytes for the large ones. */
const ringTransactions = 20_000;
const ringRows = 100_000;
const ringBytes = 64_000_000;

/** All sockets with the same rights and the same subscriptions: a frame is made once for them. */
export interface Audience extends View, Held {
  key: string;
  room: string;
  /** Its rights and topics but for those that are one person's own: who shares it sees the same of the rest. */
  sight: string;
  /** Where the last frame that was sent ended. */
  position: number;
  size: number;
}

/**
 * The live side of one organization: the newest transactions, and the audiences that they concern.
 * Invariants: transactions come in order without a hole; every frame of an audience begins where its
 * last one ended; a row is sent only after it is committed and on disk.
 */
export class Hub {
  readonly organizationId: string;
  position: number;
  /** Seconds since somebody watched. */
  idleBeats = 0;
  readonly kept = new Kept();
  readonly #io: Io;
  readonly #ring: LogTx[] = [];
  #ringRows = 0;
  #ringBytes = 0;
  readonly #audiences = new Map<string, Audience>();
  readonly #byTopic = new Map<string, Set<Audience>>();
  #rooms = 0;
  #standings: Standings = noStandings();

  constructor(io: Io, organizationId: string, position: number) {
    this.#io = io;
    this.organizationId = organizationId;
    this.position = position;
  }

  /** Takes in what the log has after `position`, and sends each audience what it may see of it. */
  advance(txs: LogTx[]): void {
    const concerned = new Set<Audience>();
    for (const tx of txs) {
      if (tx.position <= this.position) continue;
      this.#remember(tx);
      this.kept.apply(tx);
      for (const row of tx.rows) {
        if (row.entity === 'organizations') this.#standings.isEverybody = true;
        if (row.entity === 'members') this.#standings.members.add(row.id);
        if (row.entity === 'roles') this.#standings.roles.add(row.id);
        for (const topic of row.topicsBefore)
          this.#byTopic.get(topic)?.forEach((one) => concerned.add(one));
        for (const topic of row.topicsAfter)
          this.#byTopic.get(topic)?.forEach((one) => concerned.add(one));
      }
    }
    if (this.kept.hasChanges) {
      for (const audience of this.#audiences.values())
        if (this.kept.concerns(audience)) concerned.add(audience);
    }
    this.#send(concerned, txs);
    this.kept.told();
  }

  /** A frame is made and encoded once for all who are to be told the same, each person's own rows apart. */
  #send(concerned: Iterable<Audience>, txs: LogTx[]): void {
    const own = ownKeys(txs);
    const sights = new Map<string, WireTx[]>();
    const frames = new Map<string, { frame: Frame; rooms: string[] }>();
    for (const audience of concerned) {
      const isAlone = own.some((key) => audience.rights.has(key));
      const sight = `${audience.position} ${isAlone ? audience.room : audience.sight}`;
      const visible = sights.get(sight) ?? visibleOf(txs, audience, audience.position);
      sights.set(sight, visible);
      const [totals, lists] = this.kept.changesOf(audience);
      if (visible.length + totals.length + lists.length === 0) continue;
      const told = `${sight} ${[...totals, ...lists].map(numberOf).join()}`;
      const shared = frames.get(told);
      if (shared) shared.rooms.push(audience.room);
      else {
        const frame: Frame = [audience.position, this.position, visible];
        if (totals.length + lists.length > 0) frame.push(totals);
        if (lists.length > 0) frame.push(lists);
        frames.set(told, { frame, rooms: [audience.room] });
      }
      audience.position = this.position;
    }
    for (const { frame, rooms } of frames.values()) this.#io.to(rooms).emit('f', frame);
  }

  #remember(tx: LogTx): void {
    if (tx.position !== this.position + 1) {
      throw new Error(`The log has a hole: ${this.position} is followed by ${tx.position}`);
    }
    this.position = tx.position;
    this.#ring.push(tx);
    this.#ringRows += tx.rows.length;
    this.#ringBytes += tx.bytes;
    const isFull =
      this.#ring.length > ringTransactions * 1.25 ||
      this.#ringRows > ringRows * 1.25 ||
      this.#ringBytes > ringBytes * 1.25;
    if (isFull) this.#trim();
  }

  #trim(): void {
    let drop = 0;
    for (const { rows, bytes } of this.#ring) {
      const isShort = this.#ring.length - drop <= ringTransactions;
      if (isShort && this.#ringRows <= ringRows && this.#ringBytes <= ringBytes) break;
      this.#ringRows -= rows.length;
      this.#ringBytes -= bytes;
      drop += 1;
    }
    this.#ring.splice(0, drop);
  }

  /** The members and roles that changed since the last asking: somebody's rights may have. */
  takeStandings(): Standings {
    const taken = this.#standings;
    this.#standings = noStandings();
    return taken;
  }

  /**
   * Forgets everything up to a position, when the log was too long to be read through. Every watcher
   * must subscribe anew after this.
   */
  skipTo(position: number): void {
    this.#ring.length = 0;
    this.#ringRows = 0;
    this.#ringBytes = 0;
    this.position = position;
    this.kept.clear();
    this.#audiences.clear();
    this.#byTopic.clear();
  }

  /** Keeps figures current from now on, or answers the ones that are kept already. */
  adopt(totals: Totals): Totals {
    const kept = this.kept.totals.get(totals.id);
    if (kept) return kept;
    for (const tx of this.#after(totals.position)) totals.apply(tx.position, tx.rows);
    this.kept.totals.set(totals.id, totals);
    return totals;
  }

  /** The same for a list. */
  adoptList(list: Listing): Listing {
    const kept = this.kept.lists.get(list.id);
    if (kept) return kept;
    for (const tx of this.#after(list.position)) list.apply(tx.position, tx.rows);
    this.kept.lists.set(list.id, list);
    return list;
  }

  /** A list that was loaded anew: all who look at it ask again for what they see of it. */
  relist(list: Listing, { position, result }: { position: number; result: LoadedList }): void {
    list.replace(position, result);
    for (const tx of this.#after(position)) list.apply(tx.position, tx.rows);
    for (const audience of this.#audiences.values()) {
      if (audience.lists.get(list.key) !== list) continue;
      this.catchUp(audience);
      const { position: here } = this;
      this.#io.to(audience.room).emit('f', [here, here, [], [], [[list.key, list.total]]]);
    }
  }

  #after(position: number): LogTx[] {
    const missed = this.position - position;
    return missed > 0 ? this.#ring.slice(-missed) : [];
  }

  /** Whether everything after a position is still in memory. */
  remembers(position: number): boolean {
    return position >= this.position - this.#ring.length && position <= this.position;
  }

  /** What a view would have seen after a position, up to now. */
  since(position: number, view: View): WireTx[] {
    return visibleOf(this.#after(position), view, position);
  }

  /** Brings an audience that saw nothing for a while to the current position. */
  catchUp(audience: Audience): void {
    if (audience.position === this.position) return;
    this.#io.to(audience.room).emit('f', [audience.position, this.position]);
    audience.position = this.position;
  }

  catchUpAll(): void {
    for (const audience of this.#audiences.values()) this.catchUp(audience);
  }

  /** The audience of these rights and subscriptions, at the current position. */
  join(rightsKey: string, view: View, { totals, lists }: Held): Audience {
    const names = [...view.topics, ...totals.keys(), ...lists.keys()];
    const key = [rightsKey, ...names.sort()].join(' ');
    let audience = this.#audiences.get(key);
    if (!audience) {
      this.#rooms += 1;
      const room = `${this.organizationId}#${this.#rooms}`;
      const { position } = this;
      audience = { ...view, key, room, sight: sightOf(view), totals, lists, position, size: 0 };
      this.#audiences.set(key, audience);
      for (const topic of view.topics) this.#index(topic).add(audience);
    }
    this.catchUp(audience);
    audience.size += 1;
    return audience;
  }

  leave(audience: Audience): void {
    audience.size -= 1;
    if (audience.size > 0 || this.#audiences.get(audience.key) !== audience) return;
    this.#audiences.delete(audience.key);
    for (const topic of audience.topics) {
      const those = this.#byTopic.get(topic);
      those?.delete(audience);
      if (those?.size === 0) this.#byTopic.delete(topic);
    }
    this.kept.keepOnly(this.#audiences.values());
  }

  get isEmpty(): boolean {
    return this.#audiences.size === 0;
  }

  /** How many sockets listen. */
  get size(): number {
    let size = 0;
    for (const audience of this.#audiences.values()) size += audience.size;
    return size;
  }

  #index(topic: string): Set<Audience> {
    let those = this.#byTopic.get(topic);
    if (!those) this.#byTopic.set(topic, (those = new Set()));
    return those;
  }
}

/** The keys of rows that are somebody's own. */
function ownKeys(txs: LogTx[]): string[] {
  const rows = txs.flatMap((tx) => tx.rows.filter(({ entity }) => isPersonal(entity)));
  return [...new Set(rows.flatMap(({ keysBefore, keysAfter }) => [...keysBefore, ...keysAfter]))];
}

function sightOf({ rights, topics: subscribed }: View): string {
  const open = [...subscribed].filter((key) => {
    const topic = topics[key.split('/', 1)[0] as TopicName];
    return !isPersonal(topic.entity);
  });
  return [...[...rights].filter((key) => !isOwnKey(key)).sort(), ...open.sort()].join(' ');
}

const numbers = new WeakMap<object, number>();
let lastNumber = 0;

function numberOf(thing: object): number {
  const number = numbers.get(thing) ?? (lastNumber += 1);
  numbers.set(thing, number);
  return number;
}

export function visibleOf(txs: LogTx[], view: View, after: number): WireTx[] {
  const visible: WireTx[] = [];
  for (const tx of txs) {
    if (tx.position <= after) continue;
    const ops = tx.rows.flatMap((row) => {
      const op = opFor(row, view);
      return op ? [op] : [];
    });
    if (ops.length > 0) visible.push([tx.at, wireActor(tx.actor), ops]);
  }
  return visible;
}
