import { z } from 'zod/mini';

/** What a subscription names: a definition and its parameters. */
export interface Found<D> {
  key: string;
  definition: D;
  params: unknown;
}

/** Reads a key, `name?{"parameter":…}`; undefined for a key that names nothing. */
export function findDefinition<D extends { name: string; params: z.core.$ZodType }>(
  definitions: readonly D[],
  key: string,
): Found<D> | undefined {
  const mark = key.indexOf('?');
  const definition = definitions.find(({ name }) => name === key.slice(0, mark));
  if (!definition) return undefined;
  try {
    const parsed = z.safeParse(definition.params, JSON.parse(key.slice(mark + 1)));
    return parsed.success ? { key, definition, params: parsed.data } : undefined;
  } catch {
    return undefined;
  }
}
