import type { Pool, PoolClient } from 'pg';
import type { EntityName } from '#lib/shared/entities.ts';
import type { TotalsEntry } from '#lib/shared/wire.ts';
import type { Member } from '../access.ts';
import type { ListDefinition, LoadedList } from './listing.ts';
import type { LogRow } from './log.ts';
import { loadRecords, loadTopic, type Topic } from './snapshots.ts';
import type { TotalsDefinition } from './totals.ts';
import { builderOn, read } from './transaction.ts';

/** An organization, and where its log stands. */
export interface Moved {
  organizationId: string;
  position: number;
}

/** Something read, and the position that it shows. */
export interface AtPosition<T> {
  position: number;
  result: T;
}

/**
 * What the engine reads of the database, in one place. What it answers may not be on disk yet: nobody
 * may be shown anything of it before `Flush.barrier`.
 */
export interface Source {
  /** Which life of the database this is. */
  epoch(): Promise<string>;
  head(organizationId: string): Promise<number>;
  /** The log after a position, oldest first, cut off after so many transactions or rows. */
  log(
    organizationId: string,
    after: number,
    most: { transactions: number; rows: number },
  ): Promise<LogRow[]>;
  /** What has moved since a moment, over all organizations; nothing when no moment is given. */
  moved(since: string | undefined): Promise<{ now: string; moved: Moved[] }>;
  /** The rows of a topic that a member may see, as UTF-8 JSON `[[id, rev, …values], …]`. */
  topic(member: Member, topic: Topic): Promise<AtPosition<Buffer>>;
  /** The same for single records of an entity, each by its id; without those that are not to be seen. */
  records(
    member: Member,
    entity: EntityName,
    ids: string[],
  ): Promise<AtPosition<Map<string, Buffer>>>;
  figures<P>(
    member: Member,
    definition: TotalsDefinition<P>,
    params: P,
  ): Promise<AtPosition<TotalsEntry[]>>;
  list<P>(
    member: Member,
    definition: ListDefinition<P>,
    params: P,
  ): Promise<AtPosition<LoadedList>>;
}

export class PostgresSource implements Source {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async epoch(): Promise<string> {
    const { rows } = await this.#pool.query<{ epoch: string }>('select epoch from sync.state');
    return rows[0]?.epoch ?? '';
  }

  async head(organizationId: string): Promise<number> {
    const { rows } = await this.#pool.query<{ head: number }>('select sync.head($1) as head', [
      organizationId,
    ]);
    return Number(rows[0]?.head ?? 0);
  }

  async log(
    organizationId: string,
    after: number,
    most: { transactions: number; rows: number },
  ): Promise<LogRow[]> {
    const { rows } = await this.#pool.query<LogRow>(
      `select l.* from sync.read_log($1, $2, $3) l limit ${most.rows}`,
      [organizationId, after, most.transactions],
    );
    return rows;
  }

  async moved(since: string | undefined): Promise<{ now: string; moved: Moved[] }> {
    const { rows } = await this.#pool.query<{ now: string; moved: Moved[] | null }>(
      `select pg_current_snapshot()::text as now,
        (select json_agg(json_build_object('organizationId', m.organization_id, 'position', m.pos))
         from sync.moved($1::pg_snapshot) m) as moved`,
      [since ?? null],
    );
    return { now: rows[0]?.now ?? '', moved: rows[0]?.moved ?? [] };
  }

  topic(member: Member, topic: Topic): Promise<AtPosition<Buffer>> {
    return this.#atPosition(member, (client) => loadTopic(client, member, topic));
  }

  figures<P>(
    member: Member,
    definition: TotalsDefinition<P>,
    params: P,
  ): Promise<AtPosition<TotalsEntry[]>> {
    return this.#atPosition(member, (client) => definition.load(builderOn(client), member, params));
  }

  records(
    member: Member,
    entity: EntityName,
    ids: string[],
  ): Promise<AtPosition<Map<string, Buffer>>> {
    return this.#atPosition(member, (client) => loadRecords(client, member, entity, ids));
  }

  list<P>(
    member: Member,
    definition: ListDefinition<P>,
    params: P,
  ): Promise<AtPosition<LoadedList>> {
    return this.#atPosition(member, (client) => definition.load(builderOn(client), member, params));
  }

  /** In a short snapshot transaction: the position and all that is read with it agree. */
  #atPosition<T>(
    { organizationId }: Member,
    run: (client: PoolClient) => Promise<T>,
  ): Promise<AtPosition<T>> {
    const both = async (_: unknown, client: PoolClient): Promise<AtPosition<T>> => {
      const [{ rows }, result] = await Promise.all([
        client.query<{ pos: number }>('select pos from sync.org_clock', []),
        run(client),
      ]);
      return { position: Number(rows[0]?.pos ?? 0), result };
    };
    return read(this.#pool, { organizationId }, both, { isSnapshot: true });
  }
}
