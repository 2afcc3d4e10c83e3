import type { PresenceEntry } from '#lib/shared/wire.ts';
import { patience, type Bus, type Talker } from './bus.ts';

export type Placed = [organizationId: string, entry: PresenceEntry];

/**
 * What a node says of its tabs. Stretches chain as frames do: each begins where the one before ended, so
 * who misses one notices and asks; one that begins at 0 has all tabs.
 */
interface Stretch {
  from: number;
  to: number;
  entries?: Placed[];
  /** Nodes that are to say all of theirs. */
  ask?: string[];
}

interface Node {
  position: number;
  heard: number;
  tabs: Map<string, Placed>;
}

interface Options {
  bus: Bus;
  /** All tabs of this node. */
  own(): Placed[];
  /** Tabs of other nodes have changed. */
  show(changed: Placed[]): void;
}

/** The people on the other nodes, and what this node tells of its own. Nothing of it is kept in Redis. */
export class Neighbours implements Talker<Stretch> {
  readonly #options: Options;
  readonly #nodes = new Map<string, Node>();
  readonly #untold = new Map<string, Placed>();
  readonly #unknown = new Set<string>();
  #position = 0;
  #isAsked = true;

  constructor(options: Options) {
    this.#options = options;
    options.bus.join('people', this);
  }

  /** The people of an organization on other nodes. */
  of(organizationId: string): PresenceEntry[] {
    return [...this.#nodes.values()].flatMap(({ tabs }) =>
      [...tabs.values()].flatMap(([theirs, entry]) => (theirs === organizationId ? [entry] : [])),
    );
  }

  tell(changed: Placed[]): void {
    for (const placed of changed) this.#untold.set(placed[1][0], placed);
    this.#options.bus.stir();
  }

  /** The next thing said is that nobody is here any more. */
  leave(): void {
    this.#isAsked = true;
  }

  take(): Stretch {
    const from = this.#isAsked ? 0 : this.#position;
    const entries = this.#isAsked ? this.#options.own() : [...this.#untold.values()];
    const ask = [...this.#unknown];
    if (this.#isAsked || entries.length > 0) this.#position += 1;
    this.#isAsked = false;
    this.#untold.clear();
    this.#unknown.clear();
    return {
      from,
      to: this.#position,
      ...(entries.length > 0 ? { entries } : {}),
      ...(ask.length > 0 ? { ask } : {}),
    };
  }

  hear(name: string, { from, to, entries = [], ask = [] }: Stretch): void {
    if (ask.includes(this.#options.bus.node)) {
      this.#isAsked = true;
      this.#options.bus.stir();
    }
    const node = this.#nodes.get(name) ?? {
      position: -1,
      heard: 0,
      tabs: new Map<string, Placed>(),
    };
    this.#nodes.set(name, node);
    node.heard = performance.now();
    if (to <= node.position) return;
    if (from !== 0 && from !== node.position) {
      this.#unknown.add(name);
      this.#options.bus.stir();
      return;
    }
    node.position = to;
    const is = new Set(entries.map(([, [tab]]) => tab));
    const gone = from === 0 ? [...node.tabs.values()].filter(([, [tab]]) => !is.has(tab)) : [];
    this.#change(node, [...gone.map(without), ...entries]);
  }

  /** Who was not heard for a while may be dead, or cut off from here: its people are not shown. */
  beat(): void {
    for (const [name, node] of this.#nodes) {
      if (performance.now() - node.heard <= patience) continue;
      this.#nodes.delete(name);
      this.#change(node, [...node.tabs.values()].map(without));
    }
  }

  #change(node: Node, changed: Placed[]): void {
    if (changed.length === 0) return;
    for (const placed of changed) {
      const [tab, , state] = placed[1];
      if (state) node.tabs.set(tab, placed);
      else node.tabs.delete(tab);
    }
    this.#options.show(changed);
  }
}

const without = ([organizationId, [tab, member]]: Placed): Placed => [
  organizationId,
  [tab, member, null],
];
