import type { Inverse } from '#lib/shared/change.ts';
import type { AnyRow } from '#lib/shared/entities.ts';
import type { Outcome } from './outbox.svelte.ts';

const mostUndos = 50;

/** `skipped` names the fields that others have changed since and that were left alone. */
export interface UndoOutcome {
  undone: boolean;
  skipped: string[];
  outcome?: Outcome;
}

/** My last changes that can be taken back, each once, whether by its own button or by Ctrl+Z. */
export class UndoStack {
  readonly #entries: (() => Promise<UndoOutcome>)[] = [];

  /** Answers the way to take this one back; `forget` when there is nothing to take back after all. */
  push(undo: () => Promise<UndoOutcome>): { run: () => Promise<UndoOutcome>; forget: () => void } {
    let running: Promise<UndoOutcome> | undefined;
    const run = (): Promise<UndoOutcome> => {
      forget();
      return (running ??= undo());
    };
    const forget = (): void => {
      const at = this.#entries.indexOf(run);
      if (at >= 0) this.#entries.splice(at, 1);
    };
    this.#entries.push(run);
    if (this.#entries.length > mostUndos) this.#entries.shift();
    return { run, forget };
  }

  last(): (() => Promise<UndoOutcome>) | undefined {
    return this.#entries.at(-1);
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
