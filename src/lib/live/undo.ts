import type { Inverse } from '#lib/shared/change.ts';
import type { AnyRow } from '#lib/shared/entities.ts';

/** What of an inverse may still be done: `skipped` names the fields that others have changed since. */
export interface UndoPlan {
  input: Record<string, unknown> | undefined;
  skipped: string[];
}

/** Leaves out what is not as the undone change left it. */
export function planUndo({ input, left }: Inverse, row: AnyRow | undefined): UndoPlan {
  const skipped = Object.keys(left).filter((field) => row && !same(row[field], left[field]));
  if (skipped.length === 0) return { input, skipped };
  const rest = Object.fromEntries(
    Object.entries(input).filter(([field]) => !skipped.includes(field)),
  );
  const saysSomething = Object.keys(left).some(
    (field) => field in rest && !skipped.includes(field),
  );
  return { input: saysSomething ? rest : undefined, skipped };
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
