import type { Page } from '../lists.ts';
import type { Operation } from './operations.ts';
import { presentRecord } from './shapes.ts';

export interface Answer {
  status: number;
  body: unknown;
  /** The revision of the one record that is answered. */
  etag: string | undefined;
}

/** What a procedure answered, as REST says it. */
export function answerOf({ type, entity, route }: Operation, answered: unknown): Answer {
  const result = type === 'mutation' && isCommitted(answered) ? answered.data : answered;
  const status = route.status ?? (route.method === 'POST' ? 201 : 200);
  const etag =
    isRecord(result) && typeof result['rev'] === 'number' ? `"${result['rev']}"` : undefined;
  return {
    status,
    etag,
    body: route.output ? route.output(result as never) : wrapped(entity, route.message, result),
  };
}

function wrapped(entity: string, message: string | undefined, result: unknown): unknown {
  const present = (one: unknown) => (isRecord(one) ? presentRecord(entity, one) : one);
  if (isPage(result)) {
    const { items, total, page, perPage, nextCursor } = result;
    const totalPages = Math.ceil(total / perPage);
    return { data: items.map(present), meta: { total, page, perPage, totalPages, nextCursor } };
  }
  if (Array.isArray(result)) {
    const total = result.length;
    return { data: result.map(present), meta: { total, page: 1, perPage: total, totalPages: 1 } };
  }
  return { data: present(result), ...(message ? { message } : {}) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCommitted = (value: unknown): value is { data: unknown; position: number } =>
  isRecord(value) && 'data' in value && typeof value['position'] === 'number';

const isPage = (value: unknown): value is Page<unknown> =>
  isRecord(value) && Array.isArray(value['items']) && typeof value['total'] === 'number';
