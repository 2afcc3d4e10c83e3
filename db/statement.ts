import pg from 'pg';
import { prepareValue } from 'pg/lib/utils.js';

export type Answered = (error: Error | null | undefined, result: unknown) => void;

/** What of `pg`'s client a statement of our own needs, which it has no public name for (8.23). */
export interface Line {
  _sentQueryQueue: unknown[];
  _types: { getTypeParser(oid: number, format: string): Parse };
  _handleReadyForQuery(message: { status: 'T' }): void;
}

/** The same of its connection. */
export interface Wire {
  parsedStatements: Record<string, string>;
  submittedNamedStatements: Record<string, string>;
  parse(asked: { name: string; text: string }): void;
  bind(asked: { statement: string; values: readonly unknown[] }): void;
  describe(asked: { type: 'P' }): void;
  execute(asked: object): void;
  sync(): void;
}

type Parse = (value: string) => unknown;

interface Column {
  name: string;
  parse: Parse;
}

/** What a connection remembers of its prepared statements: the columns that each answers with. */
export type Described = Map<string, readonly Column[]>;

/**
 * Statements that are answered together, up to a Sync: one that fails takes those behind it along, and
 * while they wait for each other the database sends nothing.
 */
export type Batch = Statement[];

// Of their own kind `pg` lets only its own Query share a connection that does not wait for answers.
const Query = pg.Query as unknown as new (text: string) => { callback?: Answered };

/**
 * A prepared statement. Unlike the Query of `pg` it is described once and not each time, and has the
 * database answer at once or together with others: each answer by itself costs both sides as much as
 * a small query (tests/bench, 2026-11).
 */
export class Statement extends Query {
  readonly name: string;
  readonly text: string;
  readonly #values: readonly unknown[];
  readonly #line: Line;
  readonly #described: Described;
  readonly #join: (statement: Statement) => Batch;
  #batch: Batch = [];
  #columns: readonly Column[] | undefined;
  readonly #rows: Record<string, unknown>[] = [];
  #tag = '';
  #unreadable: Error | undefined;
  #answered: Answered | undefined;

  constructor(
    { name, text, values }: { name: string; text: string; values: readonly unknown[] },
    {
      line,
      described,
      join,
    }: { line: Line; described: Described; join: (one: Statement) => Batch },
    answered: Answered,
  ) {
    super(text);
    [this.name, this.text, this.#values] = [name, text, values];
    [this.#line, this.#described, this.#join] = [line, described, join];
    this.#answered = answered;
    // Without one, `pg` makes a promise.
    this.callback = answered;
  }

  submit(wire: Wire): Error | null {
    const { name, text } = this;
    let values: unknown[];
    try {
      // Before anything is sent: what cannot be said must not leave half a question on the line.
      values = this.#values.map(prepareValue);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
    if (!wire.parsedStatements[name] && !wire.submittedNamedStatements[name]) {
      wire.parse({ name, text });
      wire.submittedNamedStatements[name] = text;
    }
    wire.bind({ statement: name, values });
    this.#columns = this.#described.get(name);
    if (!this.#columns) wire.describe({ type: 'P' });
    wire.execute({});
    this.#batch = this.#join(this);
    return null;
  }

  handleRowDescription({ fields }: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({
      name,
      parse: this.#line._types.getTypeParser(dataTypeID, 'text'),
    }));
  }

  handleDataRow({ fields: values }: { fields: (string | null)[] }): void {
    if (this.#unreadable) return;
    try {
      const row: Record<string, unknown> = {};
      this.#columns?.forEach(({ name, parse }, place) => {
        const value = values[place] ?? null;
        row[name] = value === null ? null : parse(value);
      });
      this.#rows.push(row);
    } catch (error) {
      this.#unreadable = error instanceof Error ? error : new Error(String(error));
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#tag = text;
    this.#described.set(this.name, this.#columns ?? []);
    this.#batch.shift();
    // The last one is answered when all of them are done with.
    if (this.#batch.length > 0) this.#line._handleReadyForQuery({ status: 'T' });
  }

  handleReadyForQuery(): void {
    if (this.#unreadable) return this.#answer(this.#unreadable);
    const [command = ''] = this.#tag.split(' ');
    const [count] = /\d+$/.exec(this.#tag) ?? [];
    const rowCount = count === undefined ? null : Number(count);
    this.#answer(null, { command, rowCount, rows: this.#rows });
  }

  /** Nothing but a comment: the database has nothing to complete. */
  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  /** The database passes by what is behind a failure, and says nothing of it. */
  handleError(error: Error, wire: Wire): void {
    const behind = this.#batch.splice(0).filter((one) => one !== this);
    const sent = this.#line._sentQueryQueue;
    for (const one of behind) {
      if (sent[0] === one) sent.shift();
      if (!wire.parsedStatements[one.name]) delete wire.submittedNamedStatements[one.name];
    }
    this.#answer(error);
    // Of what is behind on a line that broke nobody knows whether it was done.
    for (const one of behind) one.#answer(isOfStatement(error) ? passedBy() : error);
  }

  #answer(error: Error | null, result?: unknown): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(error, result);
  }
}

/** Whether the connection goes on: a line that broke has no code, one that the database ends has these. */
const isOfStatement = (error: Error): boolean =>
  error instanceof pg.DatabaseError && !/^(08|57P|25P0[34])/.test(error.code ?? '');

const passedBy = (): Error =>
  Object.assign(new Error('current transaction is aborted: a statement before this one failed'), {
    code: '25P02',
  });
