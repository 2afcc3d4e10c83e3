import * as z from 'zod';
import type { AnyRouter } from '@trpc/server';
import type { RestRoute } from './route.ts';

export interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  anyOf?: JsonSchema[];
  [keyword: string]: unknown;
}

/** One REST operation: a procedure, seen at one path. */
export interface Operation {
  /** `deals.move`. */
  procedure: string;
  type: 'query' | 'mutation';
  /** `deals`: whose records it answers, where that is an entity. */
  entity: string;
  permission: string;
  route: RestRoute;
  segments: string[];
  /** What the procedure takes. */
  input: JsonSchema;
}

interface Procedure {
  _def: { type: string; meta?: { permission?: string; rest?: RestRoute[] }; inputs: z.ZodType[] };
}

/** Every operation of a router. Two at the same method and path are a mistake, and refused. */
export function operationsOf(router: AnyRouter): Operation[] {
  const procedures = Object.entries(router._def.procedures as unknown as Record<string, Procedure>);
  const all = procedures.flatMap(([procedure, { _def }]) => {
    const { type, meta, inputs } = _def;
    if (type === 'subscription') return [];
    const [schema] = inputs;
    const input = schema
      ? (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema)
      : {};
    return (meta?.rest ?? []).map((route): Operation => ({
      procedure,
      type: type === 'mutation' ? 'mutation' : 'query',
      entity: procedure.split('.')[0] ?? '',
      permission: meta?.permission ?? '',
      route,
      segments: segmentsOf(route.path),
      input,
    }));
  });
  const seen = new Map<string, string>();
  for (const { procedure, route, segments } of all) {
    const key = `${route.method} ${segments.map((part) => (isParameter(part) ? '{}' : part)).join('/')}`;
    const other = seen.get(key);
    if (other) throw new Error(`${procedure} and ${other} are both at ${key}`);
    seen.set(key, procedure);
  }
  return all;
}

/** The operations of a path, the plainest first, and what its parameters are. */
export function operationsAt(
  all: Operation[],
  path: string,
): { operation: Operation; params: Record<string, string> }[] {
  const asked = segmentsOf(path);
  const found = all.flatMap((operation) => {
    const params = match(operation.segments, asked);
    return params ? [{ operation, params }] : [];
  });
  const fewest = Math.min(...found.map(({ params }) => Object.keys(params).length));
  const plain = found.filter(({ params }) => Object.keys(params).length === fewest);
  // `/customers/stats` has no DELETE of its own, and `stats` is no customer either.
  return plain;
}

function match(segments: string[], asked: string[]): Record<string, string> | undefined {
  if (segments.length !== asked.length) return undefined;
  const params: [string, string][] = [];
  for (const [at, part] of segments.entries()) {
    const given = asked[at] ?? '';
    if (isParameter(part)) params.push([part.slice(1, -1), given]);
    else if (part !== given) return undefined;
  }
  return Object.fromEntries(params);
}

const segmentsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');
const isParameter = (part: string): boolean => part.startsWith('{');
