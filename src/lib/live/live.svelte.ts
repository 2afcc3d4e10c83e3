import type { Api } from '#lib/api.ts';
import { createApi } from '#lib/api.ts';
import type { Change, Inverse } from '#lib/shared/change.ts';
import {
  topicKey,
  topics,
  type AnyRow,
  type EntityName,
  type Row,
  type TopicName,
  type TopicParams,
} from '#lib/shared/entities.ts';
import { unpackId } from '#lib/shared/ids.ts';
import { listKey } from '#lib/shared/listings.ts';
import { totalsKey, type Measure } from '#lib/shared/totals.ts';
import type { CloseReason, Cursor, Frame, Start, TotalsEntry, WireTx } from '#lib/shared/wire.ts';
import type { Collection } from './collection.svelte.ts';
import {
  Connection,
  isOnline,
  type ConnectionState,
  type ServerAddress,
} from './connection.svelte.ts';
import { Decoder } from './decode.ts';
import type { LiveList } from './list.svelte.ts';
import { meNow, type Me, type MeNow } from './me.ts';
import { Notes } from './notes.svelte.ts';
import { Outbox, recalled, type Handles, type Outcome } from './outbox.svelte.ts';
import { PresenceMap } from './presence.svelte.ts';
import {
  isUnder,
  keyUnder,
  Store,
  type Arrival,
  type Pending,
  type ShownAs,
} from './store.svelte.ts';
import { Recorder, type Inspection } from './recorder.svelte.ts';
import { Tray } from './tray.svelte.ts';
import { UnsentChanges, type RefusedChange } from './unsent.ts';
import type { LiveTotals } from './totals.svelte.ts';
import {
  isOnesOwn,
  shownUndo,
  targetOf,
  undoOutcome,
  undoRun,
  UndoStack,
  type UndoOutcome,
  type UndoTarget,
} from './undo.ts';
import { Wanted, type Subscription } from './wanted.svelte.ts';

/** `undo` takes the change back, as far as nobody has changed it since; it names what it left alone. */
export interface Made {
  done: Promise<Outcome>;
  undo: (() => Promise<UndoOutcome>) | undefined;
}
/** How long single records stay after the last one who asked for them, in milliseconds. */
const recordLinger = 2_000;
/** Pending changes that are replayed at once; of more, every so many milliseconds. */
const mostReplayed = 200;
const replayEvery = 300;

/**
 * The browser half of the sync engine, one for an organization. Rows come over the socket, changes go
 * out over tRPC; what is shown is the rows plus the changes that are still under way.
 */
export class Live {
  readonly api: Api;
  /** Whether what is here is how it once was. */
  readonly isPast: boolean = false;
  readonly notes = new Notes();
  readonly presence: PresenceMap;
  /** Set when the server ended the connection for good. */
  ended = $state<CloseReason>();
  /** What the server refused, until the person decides over it. */
  readonly tray: Tray;
  /** The last refused change that nobody in this tab waits for an answer to. */
  refused = $state.raw<RefusedChange>();
  /** Under what the browser keeps what is not sent. */
  readonly keptAs: string;
  /** Unsent changes that are lost with this tab, where the browser's database does not take them. */
  unkept = $state(0);
  /** The last frames, for the one who looks into the engine. */
  readonly recorder = new Recorder((position, answer) =>
    this.#socket.emit('applied', position, answer),
  );
  readonly #me: Me;
  readonly #store = new Store();
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #unsent: UnsentChanges | undefined;
  readonly #clientId: string = crypto.randomUUID();
  readonly #wanted: Wanted;
  readonly #undos: UndoStack;
  #decoder: Decoder | undefined;
  #cursor: Cursor | undefined;
  #epoch = '';
  #columns = '';
  #isStarted = false;
  #seq = 0;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #asking: ReturnType<typeof setTimeout> | undefined;

  constructor({
    organization,
    me,
    server = {},
  }: {
    organization: string;
    me: Me;
    server?: ServerAddress;
  }) {
    this.#me = me;
    this.api = createApi({ organization, ...server });
    this.#connection = new Connection({
      organization,
      server,
      onUp: () => this.#outbox.flush(),
      onDown: () => {
        this.#isStarted = false;
        this.#wanted.down();
        this.presence.clear();
      },
      onEnd: (reason) => (this.ended = reason),
    });
    this.keptAs = `${organization} ${me.memberId}`;
    this.#undos = new UndoStack({ keptAs: this.keptAs, undo: (target) => this.#undo(target) });
    if (typeof document !== 'undefined') {
      this.#unsent = new UnsentChanges({
        owner: this.keptAs,
        clientId: this.#clientId,
        onLeft: (changes) => {
          this.#outbox.adopt(changes, me.memberId);
          this.#settle();
        },
        onUnkept: (count, failed) => (this.unkept = failed ? count : 0),
        onTray: () => void this.tray.refresh(),
      });
    }
    this.tray = new Tray(this.#unsent);
    this.#outbox = new Outbox({
      api: this.api,
      unsent: this.#unsent,
      onRefused: (refused, isMine) => {
        void this.tray.add(refused);
        if (!isMine) this.refused = refused;
      },
      canSend: isOnline,
      onAnswer: (answer) => this.#answered(answer),
    });
    this.#wanted = new Wanted({
      subscribe: (message) => this.#socket.emit('subscribe', message),
      unsubscribe: (keys) => this.#socket.emit('unsubscribe', keys),
      range: (key, from, to) => this.#socket.emit('range', key, from, to),
      onDrop: (key) => this.#drop(key),
    });
    this.presence = new PresenceMap(
      (state) => this.#socket.connected && this.#socket.emit('presence', state),
      () => this.#socket.id,
    );
    this.#listen();
  }

  start(): void {
    this.#connection.start();
    void this.#unsent?.start();
    void this.tray.refresh();
  }

  stop(): void {
    this.abandon();
    this.#unsent?.stop();
  }

  /** Sends nothing more, and leaves to no other tab what it has not sent. */
  abandon(): void {
    this.#connection.stop();
    this.#outbox.stop();
    clearTimeout(this.#asking);
    clearTimeout(this.#settling);
  }

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  /** Changes that the server has not answered yet. */
  get unsent(): number {
    return this.#outbox.unsent;
  }

  /** Those changes, in order. */
  get waiting(): Outbox['waiting'] {
    return this.#outbox.waiting;
  }

  /** Where the log stands for this browser. */
  get position(): number {
    return this.#cursor?.position ?? 0;
  }

  /** My standing as of now: a change of my role or team shows at once. */
  get me(): MeNow {
    const member = this.rows('members').get(this.#me.memberId);
    return meNow(this.#me, member, member && this.rows('roles').get(member.roleId));
  }

  /** The state of the engine, for the one who looks into it. */
  inspect(): Inspection {
    return {
      epoch: this.#epoch,
      position: this.position,
      rights: this.#cursor?.rights.split(',') ?? [],
      clientId: this.#clientId,
      socketId: this.#socket.id,
      subscriptions: this.#wanted.list((key) => this.rows(entityOf(key)).all as AnyRow[]),
    };
  }

  /** The subscriptions that a record of this browser is here by. */
  topicsWith(entity: EntityName, id: string): string[] {
    const row = this.#store.visibleRow(entity, id);
    const all = [...this.#wanted.topics.keys()].filter((key) => entityOf(key) === entity);
    return row ? all.filter((key) => isUnder(key, row)) : [];
  }

  rows<E extends EntityName>(entity: E): Collection<Row<E>> {
    return this.#store.collection(entity);
  }

  /** Asks for the rows of a topic and keeps them current until `stop`. */
  subscribe<T extends TopicName>(topic: T, params: TopicParams<T>): Subscription {
    const named = params as Record<string, string>;
    return this.#wanted.topic(
      topicKey(
        topic,
        topics[topic].by.map((column) => named[column] ?? ''),
      ),
    );
  }

  /** Asks for single records by their ids, as a topic of each says; they stay for a moment after `stop`. */
  subscribeRecords(topic: TopicName, ids: readonly string[]): () => void {
    const asked = ids.map((id) => this.#wanted.topic(topicKey(topic, [id]), recordLinger));
    return () => {
      for (const one of asked) one.stop();
    };
  }

  /** Asks for a list: which records stand where; the records themselves are asked for by their ids. */
  subscribeList(name: string, params: Record<string, unknown>): { list: LiveList; stop(): void } {
    return this.#wanted.listing(listKey(name, params));
  }

  /** Asks for live figures; `measure` is the one that the server counts with. */
  subscribeTotals(
    name: string,
    {
      params,
      ...counted
    }: { entity: EntityName; params: Record<string, unknown>; measure: Measure },
  ): { totals: LiveTotals; stop(): void } {
    const held = this.#wanted.figures(totalsKey(name, params), counted);
    held.totals.settle(this.#store);
    return held;
  }

  /**
   * Shows a change at once and sends it; what the server refuses goes back to how it was, and into the
   * tray, unless the caller `handles` it.
   */
  change<Input>(change: Change<Input>, input: Input, how: { handles?: Handles } = {}): Made {
    const inverse = change.invert?.(this.#store.local, input);
    const { done, pending } = this.#make(change, input, how);
    if (inverse?.left) this.notes.wrote(inverse.entity, inverse.id, inverse.left);
    if (isOnesOwn(change.name)) return { done, undo: undefined };
    const { run, forget, answered } = this.#undos.push(targetOf(pending), () =>
      this.#takeBack(pending, inverse),
    );
    void done.then(({ ok }) => (ok ? answered() : forget()));
    return { done, undo: inverse && run };
  }

  /** A change that was made past the outbox can be taken back like any other. */
  made(position: number): void {
    this.#undos.push({ position }, () => this.#undo({ position })).answered();
  }

  /** Makes a refused change once more, as a change of now. */
  redo(refused: RefusedChange): Promise<Outcome> {
    this.tray.take(refused);
    const { name, input, shownAs } = refused;
    return this.#make(recalled(name, shownAs), input, { insteadOf: refused, shownAs }).done;
  }

  /** Takes back my last change that can be taken back; undefined when there is none. */
  undoLast(): Promise<UndoOutcome> | undefined {
    return this.#undos.last()?.();
  }

  /** A change that was never sent is as if it had not been made; of another the server makes an undo. */
  #takeBack(pending: Pending, inverse: Inverse | undefined): Promise<UndoOutcome> {
    if (this.#outbox.withdraw(pending)) {
      this.#settle();
      return Promise.resolve({ undone: true, skipped: [] });
    }
    const row = inverse && this.#store.visibleRow(inverse.entity, inverse.id);
    return this.#undo(targetOf(pending), shownUndo(pending.input, inverse, row));
  }

  async #undo(target: UndoTarget, shownAs?: ShownAs): Promise<UndoOutcome> {
    return undoOutcome(await this.#make(recalled(undoRun, shownAs), target, { shownAs }).done);
  }

  #make(
    change: Pick<Change<never>, 'name' | 'apply'>,
    input: unknown,
    how: { insteadOf?: RefusedChange; handles?: Handles; shownAs?: ShownAs | undefined } = {},
  ): { done: Promise<Outcome>; pending: Pending } {
    this.#seq += 1;
    const pending: Pending = {
      clientId: this.#clientId,
      seq: this.#seq,
      change,
      input,
      moment: { memberId: this.#me.memberId, now: Date.now() },
      shownAs: how.shownAs,
    };
    const shown = how.shownAs ?? { name: change.name, input };
    const about = how.insteadOf?.about ?? this.#store.titleOf(shown);
    this.#store.add(pending);
    const done = this.#outbox.add(pending, { ...how, about });
    this.#settleTotals();
    return { done, pending };
  }

  #answered(answer: 'done' | 'refused'): void {
    if (this.#confirmed() || answer === 'refused') this.#settle();
    const awaited = this.#outbox.awaited;
    if (awaited === undefined || awaited <= this.position) return;
    this.#asking ??= setTimeout(() => {
      this.#asking = undefined;
      if ((this.#outbox.awaited ?? 0) > this.position) this.#socket.emit('advance');
    }, 40);
  }

  get #socket() {
    return this.#connection.socket;
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('welcome', ({ epoch, columns }) => {
      this.#decoder = new Decoder({ columns });
      // Rows from a server that knew other columns are not continued: this one may have more of them.
      const named = JSON.stringify(columns);
      if (this.#columns !== named) this.#leavePast();
      this.#columns = named;
      this.#outbox.live(epoch);
      this.#epoch = epoch;
      this.#wanted.begin(this.#cursor);
      this.presence.repeat();
    });
    socket.on('start', (start) => this.#start(start));
    socket.on('rows', (key, body, late) => this.#takeRows(key, body, late));
    socket.on('totals', (key, entries) => this.#takeTotals(key, entries));
    socket.on('list', (key, total) => this.#wanted.lists.get(key)?.list.begin(total));
    socket.on('ids', (key, from, ids) => this.#wanted.lists.get(key)?.list.take(from, ids));
    socket.on('f', (frame) => this.#takeFrame(frame));
    socket.on('refused', (key, code) => this.#refuse(key, code));
    socket.on('people', (entries) => this.presence.take(entries));
  }

  #start({ position, rights, resumed }: Start): void {
    this.#isStarted = true;
    this.#cursor = { epoch: this.#epoch, position, rights };
    if (!resumed) this.#store.outlive();
    this.#connection.up();
    this.#wanted.up({ isContinued: resumed });
    this.#confirmed();
    this.#settle();
  }

  #takeRows(key: string, body: ArrayBuffer | Uint8Array, late: WireTx[]): void {
    if (!this.#decoder) return;
    const entity = entityOf(key);
    this.#store.replaceTopic(key, entity, this.#decoder.rows(entity, body));
    this.#arrive(late);
    this.#wanted.arrived(key);
    this.#confirmed();
    this.#settle();
  }

  #takeTotals(key: string, entries: TotalsEntry[]): void {
    const held = this.#wanted.totals.get(key);
    if (held) {
      held.totals.refused = undefined;
      held.totals.replace(entries);
    }
    this.#settle();
  }

  #takeFrame(frame: Frame): void {
    const [from, to, txs = [], totals = [], lists = []] = frame;
    const cursor = this.#cursor;
    if (!cursor || !this.#isStarted) return;
    // It came twice.
    if (to <= cursor.position && from < to) return;
    if (from !== cursor.position) {
      // A frame is missing, and what came after it may be ahead: take nothing until all comes anew.
      this.#leavePast();
      this.#isStarted = false;
      this.#wanted.down();
      this.#socket.disconnect().connect();
      return;
    }
    cursor.position = to;
    const arrivals = this.#arrive(txs);
    for (const [key, entries] of totals) this.#wanted.totals.get(key)?.totals.change(entries);
    for (const [key, total, splices] of lists)
      this.#wanted.lists.get(key)?.list.change(total, splices);
    const confirmed = this.#confirmed();
    if (txs.length > 0 || totals.length > 0 || confirmed) this.#settle();
    this.recorder.took(frame, arrivals);
  }

  /** The rows here are not continued by what comes. */
  #leavePast(): void {
    if (this.#cursor) this.#cursor.isPast = true;
  }

  /** Pending changes stay until the rows that they are in have come; says whether some went. */
  #confirmed(): boolean {
    return this.#cursor !== undefined && this.#wanted.isWhole && this.#outbox.confirm(this.#cursor);
  }

  #arrive(txs: WireTx[]): Arrival[] {
    const arrivals: Arrival[] = [];
    for (const [at, packedActor, ops] of txs) {
      const by = packedActor?.length === 22 ? unpackId(packedActor) : packedActor;
      for (const op of ops) {
        const arrival = this.#decoder?.op(op);
        if (!arrival) continue;
        arrivals.push(arrival);
        const { entity, id } = arrival;
        const before = this.#store.baseRow(entity, id);
        if (!this.#store.arrive(arrival) || by === this.#me.memberId) continue;
        const fields = arrival.fields ?? arrival.row;
        if (fields && before)
          this.notes.arrived({ store: this.#store, entity, id, before, fields, by, at });
      }
    }
    return arrivals;
  }

  #settle(): void {
    const { pending } = this.#outbox;
    // A queue of days is not replayed with every frame: what is shown may be a moment behind then.
    if (pending.length > mostReplayed) {
      this.#settling ??= setTimeout(() => this.#replay(), replayEvery);
    } else this.#replay();
  }

  #replay(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    this.#store.settle(this.#outbox.pending);
    this.#settleTotals();
  }

  #settleTotals(): void {
    for (const { totals } of this.#wanted.totals.values()) totals.settle(this.#store);
  }

  /** What may not be had, any more, is let go of at once. */
  #refuse(key: string, code: string): void {
    if (this.#wanted.refused(key, code)) {
      this.#store.replaceTopic(key, entityOf(key), new Map());
    }
    this.#confirmed();
    this.#settle();
    this.#replay();
  }

  /** Lets go of the rows that no other topic keeps. */
  #drop(key: string): void {
    const entity = entityOf(key);
    const names = Object.entries(topics).flatMap(([name, topic]) =>
      topic.entity === entity ? [name as TopicName] : [],
    );
    this.#store.forget(entity, (row) =>
      names.some((name) => this.#wanted.topics.has(keyUnder(name, row))),
    );
    this.#settle();
  }
}

const entityOf = (key: string): EntityName => topics[key.split('/', 1)[0] as TopicName].entity;
