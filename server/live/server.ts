import type { Server as HttpServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Server } from 'socket.io';
import type { Member } from '../access.ts';
import type { Bus } from './bus.ts';
import type { Committer } from './commit.ts';
import { Flush } from './flush.ts';
import { Hub, type Io } from './hub.ts';
import type { ListDefinition } from './listing.ts';
import type { LogRow } from './log.ts';
import { Pokes } from './pokes.ts';
import { PresenceBoard } from './presence.ts';
import { acceptWatchers } from './gateway.ts';
import { Revocation } from './revocation.ts';
import { PostgresSource, type Source } from './source.ts';
import { Subscriptions } from './subscriptions.ts';
import { Tail } from './tail.ts';
import type { TotalsDefinition } from './totals.ts';
import type { Admission, Watcher } from './watcher.ts';

/** After so many milliseconds without news from the log a screen must not look live any more. */
const longestSilence = 10_000;
/** Seconds that an organization nobody watches is still followed. */
const idleBeforeForgotten = 120;

export interface LiveOptions {
  pool: Pool;
  /** Connections of the engine's own: to follow the log it must not wait behind people's requests. */
  ownPool: Pool;
  /** Where the log and the rows are read, in place of Postgres. */
  source?: Source;
  /** To the other nodes; without it this one works alone. */
  bus?: Bus | undefined;
  log: Logger;
  /** Decides over a handshake: its headers, and the organization that it names. */
  admit(handshake: {
    headers: Record<string, string | undefined>;
    organization: string;
    ip: string;
  }): Promise<Admission | undefined>;
  /** The standing of a member now; undefined when gone. */
  findMember(userId: string, organizationId: string): Promise<Member | undefined>;
  /** Which of these sessions still live. */
  liveSessions(hashes: string[]): Promise<Set<string>>;
  /** The live figures that can be subscribed to. */
  totals: readonly TotalsDefinition<never>[];
  /** The lists that can be subscribed to. */
  lists?: readonly ListDefinition<never>[];
}

/** The server half of the sync engine; it knows organizations, entities and rights, and no feature. */
export class LiveServer implements Committer {
  readonly pool: Pool;
  readonly flush: Flush;
  readonly source: Source;
  readonly options: LiveOptions;
  readonly hubs = new Map<string, Hub>();
  readonly watchers = new Set<Watcher>();
  readonly io: Io;
  readonly presence: PresenceBoard;
  readonly subscriptions: Subscriptions;
  readonly tail: Tail;
  readonly revocation: Revocation;
  readonly #pokes: Pokes | undefined;
  #epoch = '';
  #isOpen = false;
  #isDraining = false;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: LiveOptions) {
    this.options = options;
    this.pool = options.pool;
    this.flush = new Flush(options.ownPool);
    this.source = options.source ?? new PostgresSource(options.pool);
    this.io = new Server({
      transports: ['websocket'],
      serveClient: false,
      perMessageDeflate: false,
      maxHttpBufferSize: 64 * 1024,
      pingInterval: 2_500,
      pingTimeout: 2_400,
      destroyUpgrade: false,
    });
    this.presence = new PresenceBoard(this.io, options.bus);
    this.subscriptions = new Subscriptions(this);
    this.revocation = new Revocation(this);
    this.tail = new Tail({
      source: options.source ?? new PostgresSource(options.ownPool),
      flush: this.flush,
      log: options.log,
      hubs: this.hubs,
      onSkip: (hub) => this.#resync(hub),
      onAdvance: (hub) => {
        this.revocation.check(hub);
        this.subscriptions.refresh(hub);
      },
    });
    this.#pokes =
      options.bus &&
      new Pokes(options.bus, (organizationId, position) =>
        this.#look(organizationId, position, []),
      );
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Follows the log, and lets sockets in where there is a server for them. */
  async attach(http?: HttpServer): Promise<void> {
    this.#epoch = await this.source.epoch();
    this.options.bus?.start(this.#epoch);
    this.tail.start();
    if (!http) return;
    this.#isOpen = true;
    acceptWatchers(this);
    this.io.attach(http);
    this.revocation.start();
    this.#heartbeat = setInterval(() => this.#beat(), 1_000);
  }

  poke(organizationId: string, position: number, rows: LogRow[]): void {
    this.#look(organizationId, position, rows);
    this.#pokes?.tell(organizationId, position);
  }

  #look(organizationId: string, position: number, rows: LogRow[]): void {
    const hub = this.hubs.get(organizationId);
    if (!hub) return;
    this.tail
      .take(hub, position, rows)
      .catch((error: unknown) =>
        this.options.log.warn({ err: error }, 'the log could not be read'),
      );
  }

  /** The hub of an organization, made at its first watcher. */
  async hub(organizationId: string): Promise<Hub> {
    const known = this.hubs.get(organizationId);
    if (known) known.idleBeats = 0;
    if (known) return known;
    const head = await this.source.head(organizationId);
    await this.flush.barrier();
    const hub = this.hubs.get(organizationId) ?? new Hub(this.io, organizationId, head);
    this.hubs.set(organizationId, hub);
    return hub;
  }

  /** Whether the path from commit to sockets lives: undefined, or what is wrong. */
  health(): string | undefined {
    const silence = this.#silence();
    return silence > 3_000
      ? `the change log was not read for ${Math.round(silence)} ms`
      : undefined;
  }

  #silence(): number {
    return performance.now() - this.tail.lastPoll;
  }

  /** How many transactions each hub is behind what is known to be in the log. */
  lags(): number[] {
    return [...this.hubs.values()].map((hub) => this.tail.lag(hub));
  }

  /**
   * Sends everybody to the other nodes, a few at a time and each with a wait of its own, so that they do
   * not arrive all at once. New sockets are refused.
   */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const leaving = [...this.watchers];
    const slice = Math.max(50, Math.ceil(leaving.length / 50));
    while (leaving.length > 0) {
      const now = leaving.splice(0, slice);
      for (const watcher of now) watcher.close('draining', Math.random() * now.length * 4);
      if (leaving.length > 0) await sleep(100);
    }
  }

  async stop(): Promise<void> {
    await this.drain();
    clearInterval(this.#heartbeat);
    this.revocation.stop();
    this.tail.stop();
    this.presence.stop();
    await this.options.bus?.stop();
    if (this.#isOpen) await this.io.close();
  }

  #resync(hub: Hub): void {
    for (const watcher of this.watchers) {
      if (watcher.hub !== hub) continue;
      // At once: a frame from here on would lead past the rows that were skipped.
      watcher.leave();
      this.subscriptions.restart(watcher);
      this.revocation.recheck(watcher);
    }
  }

  /**
   * Every second: quiet audiences learn the position; who does not read, and hubs nobody watches, go. A
   * node that is cut off from the database sends everybody away: another may not be.
   */
  #beat(): void {
    if (this.#silence() > longestSilence) {
      for (const watcher of this.watchers) watcher.close('draining');
    }
    for (const watcher of this.watchers) if (watcher.isStuck()) watcher.close('tooSlow');
    const watched = new Set([...this.watchers].map(({ hub }) => hub));
    for (const [organizationId, hub] of this.hubs) {
      hub.catchUpAll();
      hub.idleBeats = watched.has(hub) ? 0 : hub.idleBeats + 1;
      if (hub.idleBeats > idleBeforeForgotten) this.hubs.delete(organizationId);
    }
  }
}
