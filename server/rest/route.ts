import type { Context } from '../trpc.ts';

/** A REST request after reading: names already in camelCase, values as the procedure wants them. */
export interface RestRequest {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: Record<string, unknown>;
}

/**
 * How a procedure is seen through REST. `path` is below /api/v1 with `{name}` parameters. Without
 * `input` the procedure gets params, query and body merged; without `output` its answer becomes
 * `{data, message?}` for one record, `{data, meta}` for a page.
 */
export interface RestRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  summary: string;
  /** The success status; 200, or 201 for a POST, unless said otherwise. */
  status?: number;
  message?: string;
  input?: (request: RestRequest, context: Context) => unknown;
  output?: (answer: never) => unknown;
  /** A procedure that reads a record by its id, where that is shown instead of a change's own answer. */
  shows?: string;
  /** Fields that the procedure needs and `input` fills when they are left out. */
  filled?: readonly string[];
  /** Names that callers use for fields, beside those of the entity. */
  alsoKnownAs?: Readonly<Record<string, string>>;
}
