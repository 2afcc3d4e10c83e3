import type { EntityName } from '#lib/shared/entities.ts';
import type { Measure } from '#lib/shared/totals.ts';
import type { TotalsEntry } from '#lib/shared/wire.ts';
import type { Member } from '#server/access.ts';
import type { LoadedList } from '#server/live/listing.ts';
import type { LogRow } from '#server/live/log.ts';
import type { Topic } from '#server/live/snapshots.ts';
import type { AtPosition, Moved, Source } from '#server/live/source.ts';
import { sees, type Rows } from '#tests/oracle/loops.ts';
import type { Build } from './builds.ts';
import { ask, logRows } from './connection.ts';
import { listOf, type ListParams } from './lists.ts';
import type { Postgres } from './postgres.ts';
import { rowsNow, shownBy, topicRows } from './rows.ts';

/** What the engine reads, from the model of the database. */
export class ModelSource implements Source {
  readonly #postgres: Postgres;
  readonly #build: Build;

  constructor(postgres: Postgres, build: Build) {
    this.#postgres = postgres;
    this.#build = build;
  }

  epoch(): Promise<string> {
    return ask(this.#postgres, () => this.#postgres.epoch);
  }

  head(organizationId: string): Promise<number> {
    return ask(this.#postgres, () => this.#postgres.head(organizationId));
  }

  log(
    organizationId: string,
    after: number,
    most: { transactions: number; rows: number },
  ): Promise<LogRow[]> {
    return ask(this.#postgres, () => {
      const floor = Math.max(after, this.#postgres.floors.get(organizationId) ?? 0);
      const found = this.#postgres
        .logOf(organizationId)
        .filter(({ positions }) => (positions.get(organizationId) ?? 0) > after)
        .sort(
          (a, b) => (a.positions.get(organizationId) ?? 0) - (b.positions.get(organizationId) ?? 0),
        )
        .slice(0, most.transactions)
        .filter(({ positions }) => (positions.get(organizationId) ?? 0) > floor);
      if (this.#postgres.mistakes.orderByXid) {
        const places = found.map(({ positions }) => positions);
        found.sort((a, b) => a.xid - b.xid);
        found.forEach((commit, at) => {
          found[at] = { ...commit, positions: places[at] ?? commit.positions };
        });
      }
      return found
        .flatMap((commit) => logRows(commit, organizationId) as LogRow[])
        .slice(0, most.rows);
    });
  }

  moved(since: string | undefined): Promise<{ now: string; moved: Moved[] }> {
    return ask(this.#postgres, () => {
      const now = this.#postgres.snapshot();
      if (since === undefined) return { now, moved: [] };
      const [xmin = 0, xmax = 0] = since.split(':').map(Number);
      const running = new Set(since.split(':')[2]?.split(',').map(Number));
      const heads = new Map<string, number>();
      for (const { xid, positions } of this.#postgres.commits) {
        if (xid < xmin || (xid < xmax && !running.has(xid))) continue;
        for (const [organizationId, position] of positions)
          heads.set(organizationId, Math.max(position, heads.get(organizationId) ?? 0));
      }
      return {
        now,
        moved: [...heads].map(([organizationId, position]) => ({ organizationId, position })),
      };
    });
  }

  topic(member: Member, topic: Topic): Promise<AtPosition<Buffer>> {
    return ask(this.#postgres, () => {
      const rows = rowsNow(this.#postgres, member.organizationId);
      const list = topicRows(rows, member, topic).map((row) => [
        row.id,
        row['rev'],
        ...Object.values(shownBy(this.#build, topic.entity, row)),
      ]);
      const position = this.#postgres.head(member.organizationId);
      return { position, result: Buffer.from(JSON.stringify(list)) };
    });
  }

  async records(
    member: Member,
    entity: EntityName,
    ids: string[],
  ): Promise<AtPosition<Map<string, Buffer>>> {
    const read = ids.map((id) => this.topic(member, { entity, by: ['id'], values: [id] }));
    const all = await Promise.all(read);
    return {
      position: Math.min(...all.map(({ position }) => position)),
      result: new Map(all.map(({ result }, at) => [ids[at] ?? '', result])),
    };
  }

  list<P>(member: Member, _: unknown, params: P): Promise<AtPosition<LoadedList>> {
    return ask(this.#postgres, () => {
      const rows = rowsNow(this.#postgres, member.organizationId);
      const result = listOf(rows, member, this.#build, params as ListParams);
      return { position: this.#postgres.head(member.organizationId), result };
    });
  }

  figures<P>(
    member: Member,
    definition: { measure(params: P): Measure },
    params: P,
  ): Promise<AtPosition<TotalsEntry[]>> {
    return ask(this.#postgres, () => {
      const rows = rowsNow(this.#postgres, member.organizationId);
      const groups = figuresOf(rows, member, this.#build, definition.measure(params));
      const position = this.#postgres.head(member.organizationId);
      return { position, result: [...groups] };
    });
  }
}

/** Counted row by row, over the deals that somebody sees. */
export function figuresOf(
  rows: Rows,
  standing: Parameters<typeof sees>[1],
  build: Build,
  measure: Measure,
): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const row of rows.all('deals')) {
    if (!sees(rows, standing, 'deals', row)) continue;
    const measured = measure(shownBy(build, 'deals', row));
    if (!measured) continue;
    const sums = groups.get(measured.group) ?? measured.figures.map(() => 0);
    groups.set(
      measured.group,
      sums.map((sum, at) => sum + (measured.figures[at] ?? 0)),
    );
  }
  return groups;
}
