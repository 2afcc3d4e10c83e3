import type { Inverse } from '#lib/shared/change.ts';
import type { AnyRow } from '#lib/shared/entities.ts';
import type { AppError } from '#lib/shared/errors.ts';
import type { Outcome } from './outbox.svelte.ts';
import type { Pending, ShownAs } from './store.svelte.ts';

const mostUndos = 50;

/** The server's undo: of what the log has at a position, or of my change by its mutation id. */
export const undoRun = 'undo.run';
export type UndoTarget = { position: number } | { mutation: string };

export const targetOf = ({ clientId, seq }: Pick<Pending, 'clientId' | 'seq'>): UndoTarget => ({
  mutation: `${clientId}:${seq}`,
});

/** What is not there to be undone any more, or never was, is no refusal that anybody has to decide over. */
export const isMoot = (name: string, { code }: AppError): boolean =>
  name === undoRun && code === 'NOT_FOUND';

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
  target: UndoTarget;
  isAnswered: boolean;
}

/**
 * My last changes that can be taken back, each once, whether by its own button or by Ctrl+Z. Those that the
 * server has taken are known after a reload of the tab as well.
 */
export class UndoStack {
  readonly #entries: Entry[];
  readonly #key: string;

  constructor({
    keptAs,
    undo,
  }: {
    keptAs: string;
    undo: (target: UndoTarget) => Promise<UndoOutcome>;
  }) {
    this.#key = `syncline.undo ${keptAs}`;
    this.#entries = [];
    for (const target of this.#kept()) this.push(target, () => undo(target)).answered();
  }

  /** Answers the way to take this one back; `forget` when there is nothing to take back after all. */
  push(
    target: UndoTarget,
    undo: () => Promise<UndoOutcome>,
  ): { run: () => Promise<UndoOutcome>; forget: () => void; answered: () => void } {
    let running: Promise<UndoOutcome> | undefined;
    const run = (): Promise<UndoOutcome> => {
      forget();
      return (running ??= undo());
    };
    const entry: Entry = { run, target, isAnswered: false };
    const forget = (): void => {
      const at = this.#entries.indexOf(entry);
      if (at < 0) return;
      this.#entries.splice(at, 1);
      this.#keep();
    };
    const answered = (): void => {
      entry.isAnswered = true;
      this.#keep();
    };
    this.#entries.push(entry);
    if (this.#entries.length > mostUndos) this.#entries.shift();
    return { run, forget, answered };
  }

  last(): (() => Promise<UndoOutcome>) | undefined {
    return this.#entries.at(-1)?.run;
  }

  #kept(): UndoTarget[] {
    if (typeof sessionStorage === 'undefined') return [];
    const kept: unknown = JSON.parse(sessionStorage.getItem(this.#key) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isTarget) : [];
  }

  #keep(): void {
    if (typeof sessionStorage === 'undefined') return;
    const targets = this.#entries.flatMap(({ target, isAnswered }) => (isAnswered ? target : []));
    sessionStorage.setItem(this.#key, JSON.stringify(targets));
  }
}

const isTarget = (one: unknown): one is UndoTarget =>
  typeof one === 'object' && one !== null && ('position' in one || 'mutation' in one);

/** What the server's answer to an undo says. */
export function undoOutcome(outcome: Outcome): UndoOutcome {
  if (!outcome.ok)
    return isMoot(undoRun, outcome.error)
      ? { undone: false, skipped: [] }
      : { undone: false, skipped: [], outcome };
  const { undone, kept } = outcome.data as {
    undone: unknown[];
    kept: { field: string | null }[];
  };
  const skipped = [...new Set(kept.flatMap(({ field }) => field ?? []))];
  return { undone: undone.length > 0, skipped };
}

/** How the undo of a change looks until the server has answered: as its inverse, as far as that may still be done. */
export function shownUndo(
  input: unknown,
  inverse: Inverse | undefined,
  row: AnyRow | undefined,
): ShownAs {
  if (!inverse) return { name: undoRun, input };
  const plan = planUndo(inverse, row);
  return plan.input
    ? { name: inverse.change.name, input: plan.input }
    : { name: undoRun, input: inverse.input };
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
