import type { z } from 'zod/mini';
import type { EntityName } from '#lib/shared/entities.ts';
import type { TotalsEntry } from '#lib/shared/wire.ts';
import type { Measure } from '#lib/shared/totals.ts';
import { entityAccess, type Member } from '../access.ts';
import type { RowChange } from './log.ts';
import type { Tx } from './transaction.ts';

/** Live figures by group: loaded once by SQL, then kept by adding and taking away changed rows. */
export interface TotalsDefinition<Params> {
  name: string;
  entity: EntityName;
  params: z.core.$ZodType;
  /** The same measure that the browser uses for its pending changes. */
  measure(params: Params): Measure;
  load(tx: Tx, member: Member, params: Params): Promise<TotalsEntry[]>;
}

/** The live figures of one key for one set of rights. */
export class Totals {
  readonly key: string;
  /** Key and rights: the same key gives other figures to people who see other rows. */
  readonly id: string;
  position: number;
  readonly #entity: EntityName;
  readonly #measure: Measure;
  readonly #rights: ReadonlySet<string>;
  readonly #groups: Map<string, number[]>;

  constructor(options: {
    key: string;
    entity: EntityName;
    measure: Measure;
    rights: ReadonlySet<string>;
    position: number;
    entries: TotalsEntry[];
  }) {
    this.key = options.key;
    this.id = totalsId(options.key, options.rights);
    this.#entity = options.entity;
    this.#measure = options.measure;
    this.#rights = options.rights;
    this.position = options.position;
    this.#groups = new Map(
      options.entries.flatMap(([group, figures]) => (figures ? [[group, figures]] : [])),
    );
  }

  entries(): TotalsEntry[] {
    return [...this.#groups];
  }

  /** Takes in the changes of one transaction; answers the groups that are different now. */
  apply(position: number, rows: RowChange[]): TotalsEntry[] {
    if (position <= this.position) return [];
    this.position = position;
    const touched = new Set<string>();
    for (const row of rows) {
      if (row.entity !== this.#entity) continue;
      if (row.was && this.#sees(row.keysBefore)) this.#add(row.was, -1, touched);
      if (row.is && this.#sees(row.keysAfter)) this.#add(row.is, 1, touched);
    }
    return [...touched].map((group) => [group, this.#groups.get(group) ?? null]);
  }

  #sees(keys: readonly string[]): boolean {
    return keys.some((key) => this.#rights.has(key));
  }

  #add(row: Record<string, unknown>, sign: 1 | -1, touched: Set<string>): void {
    const measured = this.#measure(row);
    if (!measured) return;
    const sums = this.#groups.get(measured.group) ?? measured.figures.map(() => 0);
    const next = sums.map((sum, at) => sum + sign * (measured.figures[at] ?? 0));
    if (next.every((figure) => figure === 0)) this.#groups.delete(measured.group);
    else this.#groups.set(measured.group, next);
    touched.add(measured.group);
  }
}

/** Only the rights on the entity matter: people who see the same rows share one set of figures. */
export function rightsOn(entity: EntityName, rights: ReadonlySet<string>): Set<string> {
  const prefix = `${entityAccess[entity].view}:`;
  return new Set([...rights].filter((key) => key.startsWith(prefix)));
}

export const totalsId = (key: string, rights: ReadonlySet<string>): string =>
  [key, ...[...rights].sort()].join(' ');
