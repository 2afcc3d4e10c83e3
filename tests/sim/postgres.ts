import type { Actor } from './clock.ts';
import { here } from './here.ts';

export type Row = { id: string; rev: number } & Record<string, unknown>;
type NewRow = { id: string } & Record<string, unknown>;

/** One changed row, as a trigger writes it into the log. */
export interface Write {
  organizationId: string;
  entity: string;
  id: string;
  op: 'I' | 'U' | 'D';
  rev: number;
  before: Row | undefined;
  after: Row | undefined;
}

export interface Answer {
  answer: unknown;
  pos: number;
  requestHash: string;
  name: string;
  refusal?: object;
}

/** A transaction that has been committed: what the write-ahead log holds of it. */
export interface Commit {
  xid: number;
  at: number;
  actor: string | null;
  mutationId: string | null;
  /** By organization. */
  positions: Map<string, number>;
  writes: Write[];
  answer: { key: string; value: Answer } | undefined;
  /** What the procedure says it did, by mutation: counted apart from the answers. */
  effects: string[];
}

/** The known mistakes that a database, or what stands between it and the engine, can have. */
export interface Mistakes {
  /** Positions are taken when a transaction first writes, not at its commit. */
  positionAtFirstWrite?: boolean;
  /** The log is told in the order of transaction ids. */
  orderByXid?: boolean;
  /** Answers are kept by each server for itself. */
  answersInMemory?: boolean;
}

export class SqlError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Rows, their log and its positions, as far as Postgres promises anything about them. */
export class Postgres {
  readonly actor: Actor = { name: 'postgres', isAlive: true };
  readonly mistakes: Mistakes;
  epoch = 'life-1';
  isUp = true;
  readonly tables = new Map<string, Map<string, Row>>();
  /** All that was committed, in the order of commits. */
  readonly commits: Commit[] = [];
  /** How many of them a crash would not take back. */
  durable = 0;
  readonly running = new Set<Transaction>();
  readonly answers = new Map<string, Answer>();
  /** How often a mutation had its effect. */
  readonly effects = new Map<string, number>();
  readonly sessions = new Set<string>();
  /** The log of an organization begins after this position. */
  readonly floors = new Map<string, number>();
  readonly #logs = new Map<string, Commit[]>();
  readonly #locks = new Map<string, Transaction>();
  readonly #waiting = new Map<Transaction, { key: string; go: () => void }>();
  #xid = 700;
  #rev = 0;
  /** Grows with each life of the server: connections of an earlier one are broken. */
  generation = 1;
  onCommit: (commit: Commit) => void = () => undefined;

  constructor(mistakes: Mistakes = {}) {
    this.mistakes = mistakes;
  }

  rows(entity: string): Map<string, Row> {
    let rows = this.tables.get(entity);
    if (!rows) this.tables.set(entity, (rows = new Map()));
    return rows;
  }

  takeXid(): number {
    this.#xid += 1;
    return this.#xid;
  }

  takeRev(): number {
    this.#rev += 1;
    return this.#rev;
  }

  logOf(organizationId: string): Commit[] {
    let log = this.#logs.get(organizationId);
    if (!log) this.#logs.set(organizationId, (log = []));
    return log;
  }

  head(organizationId: string): number {
    return this.logOf(organizationId).at(-1)?.positions.get(organizationId) ?? 0;
  }

  /** As pg_current_snapshot() is written: xmin:xmax:running. */
  snapshot(): string {
    const running = [...this.running].flatMap(({ xid }) => xid ?? []).sort((a, b) => a - b);
    const xmax = this.#xid + 1;
    return `${running[0] ?? xmax}:${xmax}:${running.join(',')}`;
  }

  /** Waits for a lock that ends with the transaction. */
  lock(transaction: Transaction, key: string): Promise<void> {
    if (!this.running.has(transaction))
      return Promise.reject(new SqlError('57P01', 'terminating connection'));
    const owner = this.#locks.get(key);
    if (!owner) this.#locks.set(key, transaction);
    if (!owner || owner === transaction) return Promise.resolve();
    for (let next: Transaction | undefined = owner; next;) {
      if (next === transaction) return Promise.reject(new SqlError('40P01', 'deadlock detected'));
      const wanted: string | undefined = this.#waiting.get(next)?.key;
      next = wanted === undefined ? undefined : this.#locks.get(wanted);
    }
    return new Promise((go) => this.#waiting.set(transaction, { key, go }));
  }

  /** Ends a transaction: its locks go to those who wait. */
  end(transaction: Transaction): void {
    this.running.delete(transaction);
    this.#waiting.delete(transaction);
    for (const [key, owner] of this.#locks) {
      if (owner !== transaction) continue;
      const next = [...this.#waiting].find(([, waiting]) => waiting.key === key);
      if (!next) {
        this.#locks.delete(key);
        continue;
      }
      const [heir, { go }] = next;
      this.#waiting.delete(heir);
      this.#locks.set(key, heir);
      here.clock.after(0, go, this.actor);
    }
  }

  /** From here on everybody sees it. */
  commit(commit: Commit): void {
    this.commits.push(commit);
    for (const write of commit.writes) this.#set(write, write.after);
    for (const organizationId of commit.positions.keys()) this.logOf(organizationId).push(commit);
    if (commit.answer) this.answers.set(commit.answer.key, commit.answer.value);
    for (const id of commit.effects) this.effects.set(id, (this.effects.get(id) ?? 0) + 1);
    this.onCommit(commit);
  }

  #set({ entity, id }: Write, row: Row | undefined): void {
    if (row) this.rows(entity).set(id, row);
    else this.rows(entity).delete(id);
  }

  /** All that was committed so far is on disk. */
  flush(upTo = this.commits.length): void {
    this.durable = Math.max(this.durable, upTo);
  }

  /** The machine loses power: what was not on disk is gone, and its numbers are given again. */
  crash(): void {
    this.isUp = false;
    this.generation += 1;
    this.backTo(this.durable);
  }

  start(): void {
    this.isUp = true;
  }

  /** An older backup takes the place of what there is: another life. */
  restore(commits: number): void {
    this.crash();
    this.backTo(commits);
    this.durable = this.commits.length;
    this.epoch = `life-${this.generation}`;
  }

  backTo(count: number): void {
    this.running.clear();
    this.#waiting.clear();
    this.#locks.clear();
    while (this.commits.length > count) {
      const lost = this.commits.pop() as Commit;
      for (const write of lost.writes.toReversed()) this.#set(write, write.before);
      for (const organizationId of lost.positions.keys()) this.logOf(organizationId).pop();
      if (lost.answer) this.answers.delete(lost.answer.key);
      for (const id of lost.effects) this.effects.set(id, (this.effects.get(id) ?? 0) - 1);
    }
    for (const [organizationId, floor] of this.floors)
      this.floors.set(organizationId, Math.min(floor, this.head(organizationId)));
    this.#xid = Math.max(700, ...this.commits.map(({ xid }) => xid));
    this.#rev = Math.max(0, ...this.commits.flatMap(({ writes }) => writes.map(({ rev }) => rev)));
  }
}

export interface Scope {
  organizationId: string;
  actor: string | null;
  mutationId: string | null;
}

/** One transaction, READ COMMITTED: it sees what is committed, and its own writes. */
export class Transaction {
  readonly #postgres: Postgres;
  readonly scope: Scope;
  readonly isAsync: boolean;
  readonly at = here.clock.now;
  xid: number | undefined;
  readonly writes: Write[] = [];
  readonly #own = new Map<string, Row | undefined>();
  readonly effects: string[] = [];
  positions: Map<string, number> | undefined;
  answer: Commit['answer'];

  constructor(postgres: Postgres, scope: Scope, { isAsync = false } = {}) {
    this.#postgres = postgres;
    this.scope = scope;
    this.isAsync = isAsync;
    postgres.running.add(this);
  }

  get(entity: string, id: string): Row | undefined {
    const key = `${entity}/${id}`;
    return this.#own.has(key) ? this.#own.get(key) : this.#postgres.rows(entity).get(id);
  }

  /** Rows of the organization. */
  where(entity: string, test: (row: Row) => boolean): Row[] {
    const ids = new Set(this.#postgres.rows(entity).keys());
    for (const key of this.#own.keys())
      if (key.startsWith(`${entity}/`)) ids.add(key.slice(entity.length + 1));
    return [...ids]
      .flatMap((id) => this.get(entity, id) ?? [])
      .filter((row) => row['organization_id'] === this.scope.organizationId && test(row));
  }

  lock(entity: string, id: string): Promise<void> {
    this.#begin();
    return this.#postgres.lock(this, `${entity}/${id}`);
  }

  #begin(): void {
    this.xid ??= this.#postgres.takeXid();
    if (!this.#postgres.mistakes.positionAtFirstWrite || this.positions) return;
    const { organizationId } = this.scope;
    this.positions = new Map([[organizationId, sequenceOf(this.#postgres, organizationId)]]);
  }

  async insert(entity: string, row: NewRow): Promise<void> {
    await this.lock(entity, row.id);
    if (this.get(entity, row.id)) throw new SqlError('23505', `${entity} ${row.id} is there`);
    this.#write(entity, row.id, undefined, { rev: 0, ...row });
  }

  /** Does nothing where the row is gone. */
  async update(entity: string, id: string, fields: Record<string, unknown>): Promise<void> {
    await this.lock(entity, id);
    const before = this.get(entity, id);
    if (!before || Object.entries(fields).every(([name, value]) => same(before[name], value)))
      return;
    this.#write(entity, id, before, { ...before, ...fields });
  }

  async remove(entity: string, id: string): Promise<void> {
    await this.lock(entity, id);
    const before = this.get(entity, id);
    if (before) this.#write(entity, id, before, undefined);
  }

  #write(entity: string, id: string, before: Row | undefined, after: Row | undefined): void {
    const rev = this.#postgres.takeRev();
    const { organizationId } = this.scope;
    const next = after && { ...after, organization_id: organizationId, rev };
    const op = !before ? 'I' : after ? 'U' : 'D';
    this.writes.push({ organizationId, entity, id, op, rev, before, after: next });
    this.#own.set(`${entity}/${id}`, next);
  }

  /** Takes the position, as the deferred trigger does: the clock is locked until the end. */
  async stamp(): Promise<number> {
    const { organizationId } = this.scope;
    if (this.writes.length > 0 && !this.positions) {
      await this.#postgres.lock(this, `clock ${organizationId}`);
      this.positions = new Map([[organizationId, this.#postgres.head(organizationId) + 1]]);
    }
    return this.positions?.get(organizationId) ?? this.#postgres.head(organizationId);
  }

  asCommit(): Commit {
    const { actor, mutationId } = this.scope;
    const positions = this.writes.length > 0 ? this.positions : undefined;
    return {
      xid: this.xid ?? 0,
      at: this.at,
      actor,
      mutationId,
      positions: positions ?? new Map<string, number>(),
      writes: this.writes,
      answer: this.answer,
      effects: this.effects,
    };
  }
}

const sequences = new WeakMap<Postgres, Map<string, number>>();

function sequenceOf(postgres: Postgres, organizationId: string): number {
  const those = sequences.get(postgres) ?? new Map<string, number>();
  sequences.set(postgres, those);
  const next = Math.max(those.get(organizationId) ?? 0, postgres.head(organizationId)) + 1;
  those.set(organizationId, next);
  return next;
}

export const same = (a: unknown, b: unknown): boolean =>
  a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
