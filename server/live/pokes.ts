import type { Bus, Talker } from './bus.ts';

/** Organizations, and the positions up to which their logs are on disk. */
type Moved = [organizationId: string, position: number][];

/** Tells the other nodes which logs have moved, so that they look before their next poll. */
export class Pokes implements Talker<Moved> {
  readonly #moved = new Map<string, number>();
  readonly #bus: Bus;
  readonly #onPoke: (organizationId: string, position: number) => void;

  constructor(bus: Bus, onPoke: (organizationId: string, position: number) => void) {
    this.#bus = bus;
    this.#onPoke = onPoke;
    bus.join('moved', this);
  }

  tell(organizationId: string, position: number): void {
    this.#moved.set(organizationId, Math.max(position, this.#moved.get(organizationId) ?? 0));
    this.#bus.stir();
  }

  take(): Moved | undefined {
    if (this.#moved.size === 0) return undefined;
    const moved = [...this.#moved];
    this.#moved.clear();
    return moved;
  }

  hear(_: string, moved: Moved): void {
    for (const [organizationId, position] of moved) this.#onPoke(organizationId, position);
  }
}
