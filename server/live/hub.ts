import type { Server } from 'socket.io';
import type {
  ClientMessages,
  Frame,
  ServerMessages,
  TotalsChange,
  WireTx,
} from '#lib/shared/wire.ts';
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

/** Transactions kept in memory for those who come back: by count, and by rows for the large ones. */
const ringTransactions = 20_000;
const ringRows = 100_000;

/** All sockets with the same rights and the same subscriptions: a frame is made once for them. */
export interface Audience extends View {
  key: string;
  room: string;
  totals: ReadonlyMap<string, Totals>;
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
  readonly totals = new Map<string, Totals>();
  readonly #io: Io;
  readonly #ring: LogTx[] = [];
  #ringRows = 0;
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
    const changedTotals = new Map<string, TotalsChange>();
    const concerned = new Set<Audience>();
    for (const tx of txs) {
      if (tx.position <= this.position) continue;
      this.#remember(tx);
      for (const totals of this.totals.values()) {
        const entries = totals.apply(tx.position, tx.rows);
        if (entries.length > 0) mergeTotals(changedTotals, totals.key, entries, totals);
      }
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
    if (changedTotals.size > 0) {
      for (const audience of this.#audiences.values()) {
        for (const totals of audience.totals.values())
          if (changedTotals.has(totals.id)) concerned.add(audience);
      }
    }
    for (const audience of concerned) this.#send(audience, txs, changedTotals);
  }

  #send(audience: Audience, txs: LogTx[], changedTotals: Map<string, TotalsChange>): void {
    const visible = visibleOf(txs, audience, audience.position);
    const totals: TotalsChange[] = [];
    for (const one of audience.totals.values()) {
      const changed = changedTotals.get(one.id);
      if (changed) totals.push(changed);
    }
    if (visible.length === 0 && totals.length === 0) return;
    const frame: Frame =
      totals.length > 0
        ? [audience.position, this.position, visible, totals]
        : [audience.position, this.position, visible];
    this.#io.to(audience.room).emit('f', frame);
    audience.position = this.position;
  }

  #remember(tx: LogTx): void {
    if (tx.position !== this.position + 1) {
      throw new Error(`The log has a hole: ${this.position} is followed by ${tx.position}`);
    }
    this.position = tx.position;
    this.#ring.push(tx);
    this.#ringRows += tx.rows.length;
    if (this.#ring.length > ringTransactions * 1.25 || this.#ringRows > ringRows * 1.25)
      this.#trim();
  }

  #trim(): void {
    let drop = Math.max(0, this.#ring.length - ringTransactions);
    let rows = this.#ring.slice(0, drop).reduce((sum, tx) => sum + tx.rows.length, 0);
    while (this.#ringRows - rows > ringRows) rows += this.#ring[drop++]?.rows.length ?? 0;
    this.#ring.splice(0, drop);
    this.#ringRows -= rows;
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
    this.position = position;
    this.totals.clear();
    this.#audiences.clear();
    this.#byTopic.clear();
  }

  /** Keeps figures current from now on, or answers the ones that are kept already. */
  adopt(totals: Totals): Totals {
    const kept = this.totals.get(totals.id);
    if (kept) return kept;
    const missed = this.position - totals.position;
    if (missed > 0) for (const tx of this.#ring.slice(-missed)) totals.apply(tx.position, tx.rows);
    this.totals.set(totals.id, totals);
    return totals;
  }

  /** Whether everything after a position is still in memory. */
  remembers(position: number): boolean {
    return position >= this.position - this.#ring.length && position <= this.position;
  }

  /** What a view would have seen after a position, up to now. */
  since(position: number, view: View): WireTx[] {
    const missed = this.position - position;
    return missed <= 0 ? [] : visibleOf(this.#ring.slice(-missed), view, position);
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
  join(rightsKey: string, view: View, totals: ReadonlyMap<string, Totals>): Audience {
    const key = [rightsKey, ...[...view.topics].sort(), ...[...totals.keys()].sort()].join(' ');
    let audience = this.#audiences.get(key);
    if (!audience) {
      this.#rooms += 1;
      const room = `${this.organizationId}#${this.#rooms}`;
      audience = { ...view, key, room, totals, position: this.position, size: 0 };
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
    for (const [id, totals] of this.totals) {
      const wanted = [...this.#audiences.values()].some((one) =>
        [...one.totals.values()].includes(totals),
      );
      if (!wanted) this.totals.delete(id);
    }
  }

  get isEmpty(): boolean {
    return this.#audiences.size === 0;
  }

  #index(topic: string): Set<Audience> {
    let those = this.#byTopic.get(topic);
    if (!those) this.#byTopic.set(topic, (those = new Set()));
    return those;
  }
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

function mergeTotals(
  into: Map<string, TotalsChange>,
  key: string,
  entries: TotalsChange[1],
  totals: Totals,
): void {
  const earlier = into.get(totals.id);
  if (!earlier) {
    into.set(totals.id, [key, entries]);
    return;
  }
  const groups = new Map([...earlier[1], ...entries]);
  into.set(totals.id, [key, [...groups]]);
}
