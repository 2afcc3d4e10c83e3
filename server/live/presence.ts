import { packId } from '#lib/shared/ids.ts';
import { levelOf } from '#lib/shared/standing.ts';
import type { Presence, PresenceEntry } from '#lib/shared/wire.ts';
import type { Bus } from './bus.ts';
import type { Io } from './hub.ts';
import { Neighbours, type Placed } from './neighbours.ts';
import type { Watcher } from './watcher.ts';

/** Changes of presence are gathered this long, in milliseconds, and sent together. */
const gather = 60;
const longest = 120;

const presenceRoom = (organizationId: string): string => `people:${organizationId}`;

/** Who is here, in memory only: a tab's place, the card it carries, the field it is in; on all nodes. */
export class PresenceBoard {
  readonly #io: Io;
  readonly #states = new Map<Watcher, Presence>();
  readonly #changed = new Map<string, Placed>();
  readonly #neighbours: Neighbours | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(io: Io, bus: Bus | undefined) {
    this.#io = io;
    this.#neighbours =
      bus &&
      new Neighbours({
        bus,
        own: () => [...this.#states].map(([one, state]) => placed(one, state)),
        show: (changed) => this.#show(changed),
      });
  }

  join(watcher: Watcher): void {
    this.admit(watcher);
    this.set(watcher, { place: '' });
  }

  /** Lets those see who is here who may know the organization's people; called again when rights change. */
  admit(watcher: Watcher): void {
    const { organizationId } = watcher.member;
    const room = presenceRoom(organizationId);
    const maySee = levelOf(watcher.member, 'directory.view') !== 'none';
    if (maySee === watcher.socket.rooms.has(room)) return;
    if (!maySee) return void watcher.socket.leave(room);
    const others = [...this.#states].filter(
      ([one]) => one.member.organizationId === organizationId,
    );
    watcher.socket.emit('people', [
      ...others.map(([one, state]) => entryOf(one, state)),
      ...(this.#neighbours?.of(organizationId) ?? []),
    ]);
    void watcher.socket.join(room);
  }

  set(watcher: Watcher, state: unknown): void {
    const clean = readPresence(state);
    if (!clean) return;
    this.#states.set(watcher, clean);
    this.#announce(watcher, clean);
  }

  leave(watcher: Watcher): void {
    if (this.#states.delete(watcher)) this.#announce(watcher, null);
  }

  #announce(watcher: Watcher, state: Presence | null): void {
    this.#changed.set(watcher.socket.id, placed(watcher, state));
    this.#timer ??= setTimeout(() => this.#send(), gather);
  }

  #send(): void {
    this.#timer = undefined;
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    this.#show(changed);
    this.#neighbours?.tell(changed);
  }

  #show(changed: Placed[]): void {
    for (const [organizationId, those] of Map.groupBy(changed, ([id]) => id)) {
      this.#io.to(presenceRoom(organizationId)).emit(
        'people',
        those.map(([, entry]) => entry),
      );
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#states.clear();
    this.#neighbours?.leave();
  }
}

const placed = (watcher: Watcher, state: Presence | null): Placed => [
  watcher.member.organizationId,
  entryOf(watcher, state),
];

const entryOf = (watcher: Watcher, state: Presence | null): PresenceEntry => [
  watcher.socket.id,
  packId(watcher.member.memberId),
  state,
];

function readPresence(state: unknown): Presence | undefined {
  if (typeof state !== 'object' || state === null) return undefined;
  const { place, lifted, field } = state as Record<string, unknown>;
  if (!isShort(place)) return undefined;
  return { place, ...(isShort(lifted) ? { lifted } : {}), ...(isShort(field) ? { field } : {}) };
}

const isShort = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= longest;
