import type { Api } from '#lib/api.ts';
import { createApi } from '#lib/api.ts';
import type { Change, Inverse } from '#lib/shared/change.ts';
import type { AppError } from '#lib/shared/errors.ts';
import {
  topicKey,
  topics,
  type EntityName,
  type Row,
  type TopicName,
  type TopicParams,
} from '#lib/shared/entities.ts';
import { unpackId } from '#lib/shared/ids.ts';
import { covers, levelOf, type Access, type Standing } from '#lib/shared/standing.ts';
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
import { Notes } from './notes.svelte.ts';
import { Outbox, type Outcome } from './outbox.svelte.ts';
import { PresenceMap } from './presence.svelte.ts';
import { keyUnder, Store } from './store.svelte.ts';
import { UnsentChanges } from './unsent.ts';
import { LiveTotals } from './totals.svelte.ts';
import { planUndo } from './undo.ts';

/** How long rows stay after the last one who asked for them is gone, in milliseconds. */
const linger = 10_000;
const mostUndos = 50;

export interface Me {
  memberId: string;
  name: string;
  teamId: string | null;
  access: Access;
}

/** A subscription to rows: `ready` when they are all there, `refused` when they may not be had. */
export interface Subscription {
  readonly ready: boolean;
  readonly refused: string | undefined;
  stop(): void;
}

/** `undo` takes the change back, as far as nobody has changed it since; it names what it left alone. */
export interface Made {
  done: Promise<Outcome>;
  undo: (() => Promise<UndoOutcome>) | undefined;
}
export type UndoOutcome = { undone: boolean; skipped: string[]; outcome?: Outcome };

class Asked {
  users = 0;
  isReady = $state(false);
  refused = $state<string>();
}

/**
 * The browser half of the sync engine, one for an organization. Rows come over the socket, changes go
 * out over tRPC; what is shown is the rows plus the changes that are still under way.
 */
export class Live {
  readonly api: Api;
  readonly notes = new Notes();
  readonly presence: PresenceMap;
  /** Set when the server ended the connection for good. */
  ended = $state<CloseReason>();
  /** The last change of an earlier tab that the server refused. */
  refused = $state.raw<{ change: string; error: AppError }>();
  readonly #me: Me;
  readonly #store = new Store();
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #unsent: UnsentChanges | undefined;
  readonly #clientId: string = crypto.randomUUID();
  readonly #asked = new Map<string, Asked>();
  readonly #totals = new Map<string, { totals: LiveTotals; users: number }>();
  readonly #undos: { inverse: Inverse; run: () => Promise<UndoOutcome> }[] = [];
  #decoder: Decoder | undefined;
  #cursor: Cursor | undefined;
  #epoch = '';
  #isStarted = false;
  #begun = false;
  #seq = 0;
  #wanted = new Set<string>();

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
        this.#begun = false;
        this.presence.clear();
      },
      onEnd: (reason) => (this.ended = reason),
    });
    if (typeof indexedDB !== 'undefined') {
      const owner = `${organization} ${me.memberId}`;
      this.#unsent = new UnsentChanges({ owner, clientId: this.#clientId });
    }
    this.#outbox = new Outbox({
      api: this.api,
      unsent: this.#unsent,
      onRefused: (change, error) => (this.refused = { change, error }),
      canSend: isOnline,
      onAnswer: () => this.#answered(),
    });
    this.presence = new PresenceMap(
      (state) => this.#socket.connected && this.#socket.emit('presence', state),
      () => this.#socket.id,
    );
    this.#listen();
  }

  start(): void {
    this.#connection.start();
    void this.#unsent?.takeOver().then((left) => {
      if (left.length === 0) return;
      this.#outbox.adopt(left, this.#me.memberId);
      this.#settle();
    });
  }

  stop(): void {
    this.#connection.stop();
    this.#outbox.stop();
  }

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  /** Changes that the server has not answered yet. */
  get unsent(): number {
    return this.#outbox.unsent;
  }

  /** Where the log stands for this browser. */
  get position(): number {
    return this.#cursor?.position ?? 0;
  }

  /** My standing as of now: a change of my role or team shows at once. */
  get me(): Me & {
    can(permission: string): boolean;
    covers(permission: string, record: { ownerId: string | null; teamId: string | null }): boolean;
  } {
    const member = this.rows('members').get(this.#me.memberId);
    const role = member && this.rows('roles').get(member.roleId);
    const standing: Standing = {
      memberId: this.#me.memberId,
      teamId: member ? member.teamId : this.#me.teamId,
      access: (role?.access as Access | undefined) ?? this.#me.access,
    };
    return {
      ...standing,
      name: member?.name ?? this.#me.name,
      can: (permission) => levelOf(standing, permission) !== 'none',
      covers: (permission, record) => covers(standing, permission, record),
    };
  }

  rows<E extends EntityName>(entity: E): Collection<Row<E>> {
    return this.#store.collection(entity);
  }

  /** Asks for the rows of a topic and keeps them current until `stop`. */
  subscribe<T extends TopicName>(topic: T, params: TopicParams<T>): Subscription {
    const values = topics[topic].by.map(
      (column) => (params as Record<string, string>)[column] ?? '',
    );
    const key = topicKey(topic, values);
    let asked = this.#asked.get(key);
    if (!asked) {
      this.#asked.set(key, (asked = new Asked()));
      this.#ask(key);
    }
    asked.users += 1;
    const those = asked;
    return {
      get ready() {
        return those.isReady;
      },
      get refused() {
        return those.refused;
      },
      stop: once(() => {
        those.users -= 1;
        setTimeout(() => this.#drop(key, those), linger);
      }),
    };
  }

  /** Asks for live figures; `measure` is the one that the server counts with. */
  subscribeTotals(
    name: string,
    {
      entity,
      params,
      measure,
    }: { entity: EntityName; params: Record<string, unknown>; measure: Measure },
  ): { totals: LiveTotals; stop(): void } {
    const key = totalsKey(name, params);
    let held = this.#totals.get(key);
    if (!held) {
      this.#totals.set(key, (held = { totals: new LiveTotals(entity, measure), users: 0 }));
      held.totals.settle(this.#store);
      this.#ask(key);
    }
    held.users += 1;
    const those = held;
    const stop = once(() => {
      those.users -= 1;
      setTimeout(() => {
        if (those.users > 0 || this.#totals.get(key) !== those) return;
        this.#totals.delete(key);
        if (this.#isStarted) this.#socket.emit('unsubscribe', [key]);
      }, 1_000);
    });
    return { totals: held.totals, stop };
  }

  /** Shows a change at once and sends it; what the server refuses goes back to how it was. */
  change<Input>(change: Change<Input>, input: Input): Made {
    const inverse = change.invert?.(this.#store.local, input);
    const done = this.#make(change, input);
    if (inverse?.left) this.notes.wrote(inverse.entity, inverse.id, inverse.left);
    if (!inverse) return { done, undo: undefined };
    const entry = { inverse, run: once(() => this.#undo(inverse, done)) };
    this.#undos.push(entry);
    if (this.#undos.length > mostUndos) this.#undos.shift();
    const forget = (): void => {
      const at = this.#undos.indexOf(entry);
      if (at >= 0) this.#undos.splice(at, 1);
    };
    void done.then((outcome) => outcome.ok || forget());
    return {
      done,
      undo: () => {
        forget();
        return entry.run();
      },
    };
  }

  /** Takes back my last change that can be taken back; undefined when there is none. */
  undoLast(): Promise<UndoOutcome> | undefined {
    return this.#undos.pop()?.run();
  }

  async #undo(inverse: Inverse, done: Promise<Outcome>): Promise<UndoOutcome> {
    // A change that is still on its way is waited for: its inverse must come after it.
    if (this.connection === 'online') await done;
    const { input, skipped } = planUndo(
      inverse,
      this.#store.visibleRow(inverse.entity, inverse.id),
    );
    if (!input) return { undone: false, skipped };
    const outcome = await this.#make(inverse.change, input);
    return { undone: outcome.ok, skipped, outcome };
  }

  #make(change: Pick<Change<never>, 'name' | 'apply'>, input: unknown): Promise<Outcome> {
    this.#seq += 1;
    const moment = { memberId: this.#me.memberId, now: Date.now() };
    const done = this.#outbox.add({
      clientId: this.#clientId,
      seq: this.#seq,
      change,
      input,
      moment,
    });
    this.#settle();
    return done;
  }

  #answered(): void {
    this.#outbox.confirm(this.position);
    this.#settle();
    const awaited = this.#outbox.awaited;
    if (awaited !== undefined && awaited > this.position) {
      setTimeout(() => {
        if (awaited > this.position) this.#socket.emit('advance');
      }, 40);
    }
  }

  get #socket() {
    return this.#connection.socket;
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('welcome', ({ epoch, columns }) => {
      this.#decoder = new Decoder({ columns });
      this.#epoch = epoch;
      this.#begin();
      this.presence.repeat();
    });
    socket.on('start', (start) => this.#start(start));
    socket.on('rows', (key, body, late) => this.#takeRows(key, body, late));
    socket.on('totals', (key, entries) => this.#takeTotals(key, entries));
    socket.on('f', (frame) => this.#takeFrame(frame));
    socket.on('refused', (key, code) => this.#refuse(key, code));
    socket.on('people', (entries) => this.presence.take(entries));
  }

  /** Says what is wanted and where this browser stands, at the start of each connection or after a gap. */
  #begin(): void {
    const cursor = this.#cursor;
    // Rows that never came are not continued by a cursor: they are asked for after the start.
    const topics = [...this.#asked]
      .filter(([, { isReady }]) => isReady || !cursor)
      .map(([key]) => key);
    this.#wanted = new Set([...this.#asked.keys()].filter((key) => !topics.includes(key)));
    this.#begun = true;
    this.#socket.emit('subscribe', {
      topics,
      totals: [...this.#totals.keys()],
      ...(cursor ? { cursor } : {}),
    });
  }

  #ask(key: string): void {
    // Before a connection begins its subscribe will name the key; while one starts it waits for the start.
    if (!this.#begun) return;
    this.#wanted.add(key);
    if (this.#isStarted && this.#wanted.size === 1) queueMicrotask(() => this.#askWanted());
  }

  #askWanted(): void {
    const keys = [...this.#wanted];
    this.#wanted.clear();
    if (keys.length === 0) return;
    const isTotals = (key: string): boolean => this.#totals.has(key);
    this.#socket.emit('subscribe', {
      topics: keys.filter((key) => !isTotals(key)),
      totals: keys.filter(isTotals),
    });
  }

  #start({ position, rights, resumed }: Start): void {
    this.#isStarted = true;
    this.#cursor = { epoch: this.#epoch, position, rights };
    this.#connection.up();
    this.#askWanted();
  }

  #takeRows(key: string, body: ArrayBuffer | Uint8Array, late: WireTx[]): void {
    const { entity } = topics[key.split('/', 1)[0] as TopicName];
    if (!this.#decoder) return;
    this.#store.replaceTopic(key, entity, this.#decoder.rows(entity, body));
    this.#arrive(late);
    const asked = this.#asked.get(key);
    if (asked) {
      asked.isReady = true;
      asked.refused = undefined;
    }
    this.#settle();
  }

  #takeTotals(key: string, entries: TotalsEntry[]): void {
    const held = this.#totals.get(key);
    if (held) {
      held.totals.refused = undefined;
      held.totals.replace(entries);
    }
    this.#settle();
  }

  #takeFrame([from, to, txs = [], totals = []]: Frame): void {
    const cursor = this.#cursor;
    if (!cursor || !this.#isStarted) return;
    if (from !== cursor.position) {
      // A frame is missing: ask for everything since, and take nothing until it comes.
      this.#isStarted = false;
      this.#begun = false;
      this.#socket.disconnect().connect();
      return;
    }
    cursor.position = to;
    this.#arrive(txs);
    for (const [key, entries] of totals) this.#totals.get(key)?.totals.change(entries);
    const confirmed = this.#outbox.confirm(to);
    if (txs.length > 0 || totals.length > 0 || confirmed) this.#settle();
  }

  #arrive(txs: WireTx[]): void {
    for (const [at, packedActor, ops] of txs) {
      const by = packedActor?.length === 22 ? unpackId(packedActor) : packedActor;
      for (const op of ops) {
        const arrival = this.#decoder?.op(op);
        if (!arrival) continue;
        const { entity, id } = arrival;
        const before = this.#store.baseRow(entity, id);
        if (!this.#store.arrive(arrival) || by === this.#me.memberId) continue;
        const fields = arrival.fields ?? arrival.row;
        if (fields && before)
          this.notes.arrived({ store: this.#store, entity, id, before, fields, by, at });
      }
    }
  }

  #settle(): void {
    this.#store.settle(this.#outbox.pending);
    for (const { totals } of this.#totals.values()) totals.settle(this.#store);
  }

  /** What may not be had, any more, is let go of at once. */
  #refuse(key: string, code: string): void {
    const held = this.#totals.get(key);
    if (held) {
      held.totals.refused = code;
      held.totals.replace([]);
    }
    const asked = this.#asked.get(key);
    if (asked) {
      asked.refused = code;
      asked.isReady = false;
      this.#store.replaceTopic(key, topics[key.split('/', 1)[0] as TopicName].entity, new Map());
    }
    this.#settle();
  }

  #drop(key: string, asked: Asked): void {
    if (asked.users > 0 || this.#asked.get(key) !== asked) return;
    this.#asked.delete(key);
    if (this.#isStarted) this.#socket.emit('unsubscribe', [key]);
    const { entity } = topics[key.split('/', 1)[0] as TopicName];
    const names = Object.entries(topics).filter(([, topic]) => topic.entity === entity);
    this.#store.forget(entity, (row) =>
      names.some(([name]) => this.#asked.has(keyUnder(name as TopicName, row))),
    );
    this.#settle();
  }
}

function once<T>(run: () => T): () => T {
  let result: { value: T } | undefined;
  return () => (result ??= { value: run() }).value;
}
