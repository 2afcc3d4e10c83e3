import type { Socket } from 'socket.io';
import type { ClientMessages, CloseReason, ServerMessages } from '#lib/shared/wire.ts';
import { memberKeys, type Member } from '../access.ts';
import type { Audience, Hub } from './hub.ts';
import type { Totals } from './totals.ts';

/** Who a socket belongs to, found out at the handshake. */
export interface Admission {
  member: Member;
  /** The session that opened the socket: when it ends, the socket does. */
  sessionHash: string | undefined;
}

export type LiveSocket = Socket<ClientMessages, ServerMessages>;

/** One open socket: whose it is, what it has subscribed to, and the audience it shares frames with. */
export class Watcher {
  readonly socket: LiveSocket;
  readonly hub: Hub;
  readonly sessionHash: string | undefined;
  member: Member;
  rights: ReadonlySet<string>;
  topics = new Set<string>();
  totals = new Map<string, Totals>();
  audience: Audience | undefined;
  /** Subscribe messages are worked off one after the other. */
  queue: Promise<void> = Promise.resolve();

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
    this.audience = this.hub.join(this.rightsKey, view, new Map(this.totals));
    if (old) this.hub.leave(old);
    if (old?.room === this.audience.room) return;
    if (old) void this.socket.leave(old.room);
    void this.socket.join(this.audience.room);
  }

  leave(): void {
    if (this.audience) this.hub.leave(this.audience);
    this.audience = undefined;
  }

  close(reason: CloseReason): void {
    this.socket.emit('bye', reason);
    this.socket.disconnect(true);
  }
}
