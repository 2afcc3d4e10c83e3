/** The closed list of what can go wrong for a caller: a toast in the page, a tRPC error, a REST problem. */
export const errorStatus = {
  BAD_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  STALE: 412,
  TOO_LARGE: 413,
  REUSED_KEY: 422,
  TOO_MANY: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/** `rule` is a key of the message dictionary under `rule.*`; `params` fill its sentence. */
export interface FieldError {
  field: string;
  rule: string;
  params?: Record<string, string | number>;
}

export interface ErrorDetails {
  /** Why, as a key of the message dictionary under `reason.*`. */
  reason?: string;
  params?: Record<string, string | number>;
  fields?: FieldError[];
  /** Seconds to wait, with TOO_MANY and UNAVAILABLE. */
  retryAfter?: number;
}

/** An error the caller is meant to see. Everything else is a bug and is shown only by its request id. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.reason ?? code);
    this.name = 'AppError';
    this.code = code;
    this.details = details;
  }
}

export const notFound = (): AppError => new AppError('NOT_FOUND');
export const badInput = (field: string, rule: string, params?: FieldError['params']): AppError =>
  new AppError('BAD_INPUT', { fields: [{ field, rule, ...(params ? { params } : {}) }] });
