import { z } from 'zod/mini';
import { defineChange } from './change.ts';

/** Where one looks: `board/<pipeline>`, `customers`, `deals/<id>`, `customers/<id>`. */
export const lookPlace = z
  .string()
  .check(
    z.regex(/^(customers|(board|deals|customers)\/[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$/),
  );

/** I have seen what there is at a place, up to a position of the log. */
export const markLook = defineChange({
  name: 'looks.mark',
  input: z.strictObject({ place: lookPlace, position: z.int().check(z.minimum(0)) }),
  apply: () => undefined,
});

export const newsKinds = ['created', 'won', 'lost', 'moved', 'changed', 'deleted'] as const;
export type NewsKind = (typeof newsKinds)[number];
