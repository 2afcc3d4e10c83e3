import type { Socket } from 'socket.io';
import type { ClientMessages, CloseReason, ServerMessages } from '#lib/shared/wire.ts';
import { memberKeys, type Member } from '../access.ts';
import type { Audience, Hub } from './hub.ts';
import type { Listing } from './listing.ts';
import type { Totals } from './totals.ts';

/** Who a socket belongs to, found out at the handshake. */
export interface Admission {
  member: Member;
  /** The session that opened the socket: when it ends, the socket does. */
  sessionHash: string | undefined;
}

/** Bytes that wait for a client: up to the first it is left alone, above the second it is cut off at once. */
const patientBytes = 500_000;
const mostBytes = 32_000_000;
/** Seconds without progress. */
const patientBeats = 5;

export type LiveSocket = Socket<ClientMessages, ServerMessages>;

/** One open socket: whose it is, what it has subscribed to, and the audience it shares frames with. */
export class Watcher {
  readonly socket: LiveSocket;
  readonly hub: Hub;
  readonly sessionHash: string | undefined;
  member: Member;
  rights: ReadonlySet<string>;
  /** All that it asked for, also what it may not have: rights may come back. */
  readonly asked = {
    topics: new Set<string>(),
    totals: new Set<string>(),
    lists: new Set<string>(),
  };
  topics = new Set<string>();
  totals = new Map<string, Totals>();
  lists = new Map<string, Listing>();
  audience: Audience | undefined;
  /** Subscribe messages are worked off one after the other. */
  queue: Promise<void> = Promise.resolve();
  /** How often the standing was asked for. */
  checks = 0;
  #waiting = 0;
  #stuckBeats = 0;

  constructor(socket: LiveSocket, hub: Hub, { member, sessionHash }: Admission) {
    this.socket = socket;
    this.hub = hub;
    this.member = member;
    this.sessionHash = sessionHash;
    this.rights = new Set(memberKeys(member));
  }

  /** What a person may see, in one line; a cursor made under other rights is not continued. */
  get rightsKey(): string {
    return [...this.rights].sort().join(',');
  }

  /** Moves to the audience of its present rights and subscriptions. Synchronous: no frame falls between. */
  regroup(): void {
    const old = this.audience;
    if (old) this.hub.catchUp(old);
    const view = { rights: this.rights, topics: new Set(this.topics) };
    this.audience = this.hub.join(this.rightsKey, view, {
      totals: new Map(this.totals),
      lists: new Map(this.lists),
    });
    if (old) this.hub.leave(old);
    if (old?.room === this.audience.room) return;
    if (old) void this.socket.leave(old.room);
    void this.socket.join(this.audience.room);
  }

  /**
   * Asked every second: whether the client has stopped taking what is sent. A slow line may hold a
   * whole board for a while, as long as it becomes less; a client that does not read must not fill
   * this process.
   */
  isStuck(): boolean {
    const { transport, writeBuffer } = this.socket.conn as unknown as {
      transport: { socket?: { bufferedAmount?: number } };
      writeBuffer: { data?: string | Buffer }[];
    };
    const queued = writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    const waiting = queued + (transport.socket?.bufferedAmount ?? 0);
    this.#stuckBeats =
      waiting > patientBytes && waiting >= this.#waiting ? this.#stuckBeats + 1 : 0;
    this.#waiting = waiting;
    return waiting > mostBytes || this.#stuckBeats >= patientBeats;
  }

  /** Gets no frame from here on. */
  leave(): void {
    if (!this.audience) return;
    void this.socket.leave(this.audience.room);
    this.hub.leave(this.audience);
    this.audience = undefined;
  }

  close(reason: CloseReason, wait?: number): void {
    this.socket.emit('bye', reason, ...(wait === undefined ? [] : [Math.round(wait)]));
    this.socket.disconnect(true);
  }
}
