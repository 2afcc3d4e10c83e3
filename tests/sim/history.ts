import { standingOf, type Rows, type Standing, type Stored } from '#tests/oracle/loops.ts';
import { here } from './here.ts';
import type { Commit, Postgres, Row } from './postgres.ts';
import { rowsNow } from './rows.ts';

interface Version {
  position: number;
  rev: number;
  row: Row | undefined;
}

interface Held {
  since: number;
  standing: Standing | undefined;
}

/** What every organization was like at every position, and what its people might do at every moment. */
export class History {
  readonly #postgres: Postgres;
  readonly #versions = new Map<string, Map<string, Map<string, Version[]>>>();
  readonly #standings = new Map<string, Held[]>();
  readonly #people = new Map<string, string>();
  /** By organization: the last position that is on disk. */
  readonly #durable = new Map<string, { count: number; position: number }>();

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
    postgres.onCommit = (commit) => this.#take(commit);
  }

  /** Follows the rights of a person. */
  follow(memberId: string, organizationId: string): void {
    this.#people.set(memberId, organizationId);
    this.#lookAtStandings();
  }

  #take(commit: Commit): void {
    for (const [organizationId, position] of commit.positions) {
      for (const { entity, id, rev, after, ...write } of commit.writes) {
        if (write.organizationId !== organizationId) continue;
        this.#listOf(organizationId, entity, id).push({ position, rev, row: after });
      }
    }
    if (commit.writes.some(({ entity }) => ['members', 'roles', 'organizations'].includes(entity)))
      this.#lookAtStandings();
  }

  /** The database has forgotten the end of its log. */
  forget(): void {
    for (const [organizationId, entities] of this.#versions) {
      const head = this.#postgres.head(organizationId);
      for (const rows of entities.values())
        for (const [id, list] of rows)
          rows.set(
            id,
            list.filter(({ position }) => position <= head),
          );
    }
    this.#durable.clear();
    this.#lookAtStandings();
  }

  #lookAtStandings(): void {
    for (const [memberId, organizationId] of this.#people) {
      const standing = standingOf(rowsNow(this.#postgres, organizationId), memberId);
      const held = this.standingsOf(memberId);
      const last = held.at(-1);
      if (last && JSON.stringify(last.standing) === JSON.stringify(standing)) continue;
      held.push({ since: here.clock.now, standing });
    }
  }

  /** All that a person's standing ever was, oldest first. */
  standingsOf(memberId: string): Held[] {
    let held = this.#standings.get(memberId);
    if (!held) this.#standings.set(memberId, (held = []));
    return held;
  }

  /** What a person's standing was at some time since a moment. */
  recentStandings(memberId: string, since: number): (Standing | undefined)[] {
    const held = this.standingsOf(memberId);
    const first = held.findLastIndex((one) => one.since <= since);
    return held.slice(Math.max(0, first)).map(({ standing }) => standing);
  }

  /** The version of a row that has a rev. */
  version(organizationId: string, entity: string, id: string, rev: number): Version | undefined {
    return this.#listOf(organizationId, entity, id).find((one) => one.rev === rev);
  }

  /** The rows as they were at a position. */
  at(organizationId: string, position: number): Rows {
    const get = (entity: string, id: string): Stored | undefined =>
      this.#listOf(organizationId, entity, id).findLast((one) => one.position <= position)?.row;
    return {
      get,
      all: (entity) =>
        [...(this.#versions.get(organizationId)?.get(entity)?.keys() ?? [])].flatMap(
          (id) => get(entity, id) ?? [],
        ),
    };
  }

  /** How far an organization's log is on disk. */
  durable(organizationId: string): number {
    const count = this.#postgres.durable;
    const known = this.#durable.get(organizationId);
    if (known?.count === count) return known.position;
    const commit = this.#postgres.commits
      .slice(0, count)
      .findLast(({ positions }) => positions.has(organizationId));
    const position = commit?.positions.get(organizationId) ?? 0;
    this.#durable.set(organizationId, { count, position });
    return position;
  }

  #listOf(organizationId: string, entity: string, id: string): Version[] {
    let entities = this.#versions.get(organizationId);
    if (!entities) this.#versions.set(organizationId, (entities = new Map()));
    let rows = entities.get(entity);
    if (!rows) entities.set(entity, (rows = new Map()));
    let list = rows.get(id);
    if (!list) rows.set(id, (list = []));
    return list;
  }
}
