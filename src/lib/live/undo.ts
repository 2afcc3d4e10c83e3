import { toCallError, type Api } from '#lib/api.ts';
import type { Inverse } from '#lib/shared/change.ts';
import type { AnyRow } from '#lib/shared/entities.ts';
import { AppError } from '#lib/shared/errors.ts';
import type { Outcome } from './outbox.svelte.ts';

const mostUndos = 50;

/** What a person has read, follows or chose to see is no change of the records, and taken back where it was made. */
export const isOnesOwn = (name: string): boolean =>
  /^(notifications|notificationPreferences|follows|looks)\.|^members\.choose/.test(name);

/** `skipped` names the fields that others have changed since and that were left alone. */
export interface UndoOutcome {
  undone: boolean;
  skipped: string[];
  outcome?: Outcome;
}

interface Entry {
  run: () => Promise<UndoOutcome>;
  /** Where the log has the change, once the server has answered. */
  position?: number;
}

/**
 * My last changes that can be taken back, each once, whether by its own button or by Ctrl+Z. Those that the
 * server has taken are known by their positions after a reload of the tab as well.
 */
export class UndoStack {
  readonly #entries: Entry[];
  readonly #key: string;

  constructor({
    keptAs,
    undoAt,
  }: {
    keptAs: string;
    undoAt: (position: number) => Promise<UndoOutcome>;
  }) {
    this.#key = `syncline.undo ${keptAs}`;
    this.#entries = [];
    for (const position of this.#kept()) this.push(() => undoAt(position)).answered(position);
  }

  /** Answers the way to take this one back; `forget` when there is nothing to take back after all. */
  push(undo: () => Promise<UndoOutcome>): {
    run: () => Promise<UndoOutcome>;
    forget: () => void;
    answered: (position: number) => void;
  } {
    let running: Promise<UndoOutcome> | undefined;
    const run = (): Promise<UndoOutcome> => {
      forget();
      return (running ??= undo());
    };
    const entry: Entry = { run };
    const forget = (): void => {
      const at = this.#entries.indexOf(entry);
      if (at < 0) return;
      this.#entries.splice(at, 1);
      this.#keep();
    };
    const answered = (position: number): void => {
      entry.position = position;
      this.#keep();
    };
    this.#entries.push(entry);
    if (this.#entries.length > mostUndos) this.#entries.shift();
    return { run, forget, answered };
  }

  last(): (() => Promise<UndoOutcome>) | undefined {
    return this.#entries.at(-1)?.run;
  }

  #kept(): number[] {
    if (typeof sessionStorage === 'undefined') return [];
    const kept: unknown = JSON.parse(sessionStorage.getItem(this.#key) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'number') : [];
  }

  #keep(): void {
    if (typeof sessionStorage === 'undefined') return;
    const positions = this.#entries.flatMap(({ position }) => position ?? []);
    sessionStorage.setItem(this.#key, JSON.stringify(positions));
  }
}

/** Has the server take back what the log has at a position. */
export async function undoAt(api: Api, position: number): Promise<UndoOutcome> {
  try {
    const context = { mutationId: crypto.randomUUID() };
    const { data } = (await api.client.mutation('undo.run', { position }, { context })) as {
      data: { undone: unknown[]; kept: { field: string | null }[] };
    };
    return {
      undone: data.undone.length > 0,
      skipped: data.kept.flatMap(({ field }) => field ?? []),
    };
  } catch (error) {
    const known = toCallError(error) ?? new AppError('UNAVAILABLE');
    // What is not there to be undone any more was undone by somebody else.
    if (known.code === 'NOT_FOUND') return { undone: false, skipped: [] };
    return {
      undone: false,
      skipped: [],
      outcome: { ok: false, error: known, requestId: undefined },
    };
  }
}

/** What of an inverse may still be done: nothing that is not as the undone change left it. */
export function planUndo(
  { input, left }: Inverse,
  row: AnyRow | undefined,
): { input: Record<string, unknown> | undefined; skipped: string[] } {
  const skipped = Object.keys(left).filter((field) => row && !same(row[field], left[field]));
  if (skipped.length === 0) return { input, skipped };
  const rest = Object.fromEntries(
    Object.entries(input).filter(([field]) => !skipped.includes(field)),
  );
  const saysSomething = Object.keys(left).some((field) => field in rest);
  return { input: saysSomething ? rest : undefined, skipped };
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
