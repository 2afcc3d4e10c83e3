import { AppError, errorStatus, type FieldError } from '#lib/shared/errors.ts';
import { en } from '#lib/shared/messages-en.ts';

/** A refusal of HTTP itself, which no procedure knows. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, detail: string, headers: Record<string, string> = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

interface Asked {
  instance: string;
  requestId: string;
  /** How the request called a field. */
  nameOf?: (field: string) => string;
}

/** RFC 9457. Anything that is not meant for the caller is a 500 which shows its request id alone. */
export function problemOf(
  error: unknown,
  { instance, requestId, nameOf = (field) => field }: Asked,
): Problem {
  if (error instanceof HttpRefusal) {
    const { status, code, message, headers } = error;
    return {
      status,
      headers,
      body: { ...head(status, code), detail: message, instance, requestId },
    };
  }
  const { code, details } = error instanceof AppError ? error : new AppError('INTERNAL');
  const status = errorStatus[code];
  const errors = details.fields?.map((one) => ({
    field: nameOf(one.field),
    message: sentenceOf(one),
    rule: one.rule,
  }));
  return {
    status,
    headers: {
      ...(details.retryAfter ? { 'retry-after': String(details.retryAfter) } : {}),
      ...(code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: {
      ...head(status, code),
      detail: errors
        ? errors.map(({ field, message }) => `${field || 'The request'} ${message}`).join('; ')
        : reasonText(details.reason, details.params),
      instance,
      ...(details.reason ? { reason: details.reason } : {}),
      ...(details.params ? { params: details.params } : {}),
      ...(errors ? { errors } : {}),
      requestId,
    },
  };
}

const titles: Record<string, string> = {
  BAD_INPUT: 'Something in the request is not right',
  UNAUTHENTICATED: 'Sign in first',
  FORBIDDEN: 'You may not do this',
  NOT_FOUND: 'There is nothing here',
  CONFLICT: 'This does not go with what is there',
  STALE: 'It has been changed since you read it',
  TOO_LARGE: 'The request is too large',
  REUSED_KEY: 'This Idempotency-Key was used for another request',
  TOO_MANY: 'Too many requests',
  INTERNAL: 'Something broke on our side',
  UNAVAILABLE: 'The server cannot answer at this moment',
  METHOD_NOT_ALLOWED: 'This path has no such method',
  NOT_ACCEPTABLE: 'Answers are JSON',
  UNSUPPORTED_MEDIA_TYPE: 'Requests are JSON',
};

function head(status: number, code: string): Record<string, unknown> {
  const quota = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
  const type = code === 'TOO_MANY' ? quota : `/api/v1/docs#${code.toLowerCase()}`;
  return { type, title: titles[code] ?? code, status, code };
}

function reasonText(
  reason: string | undefined,
  params: Record<string, string | number> = {},
): string | undefined {
  if (!reason) return undefined;
  const known = (en as Record<string, unknown>)[`reason.${reason}`];
  const text = typeof known === 'string' ? known : pluralOf(known);
  return text?.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? ''));
}

function pluralOf(message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null || !('other' in message)) return undefined;
  return typeof message.other === 'string' ? message.other : undefined;
}

const sentences: Record<string, string> = {
  unknown: 'is not known here',
  required: 'is needed',
  notFound: 'is not there',
  notInPipeline: 'is no stage of this pipeline',
  unknownOrdering: 'cannot order by {name}',
  unknownCursor: 'is no cursor of this list and ordering',
  unreadableText: 'has characters that cannot be kept',
  invalidAmount: 'is no amount of this currency',
  invalidTime: 'is no time of ISO 8601',
  otherCurrency: 'is another currency',
  everyStageOnce: 'must name every stage of the pipeline once',
  ownCurrency: 'is the organization’s own',
  onlyWhenClosed: 'goes only with a closed deal',
  invalid_type: 'must be of type {expected}',
  invalid_format: 'must be a valid {format}',
  invalid_value: 'is none of the values that are possible',
  too_small: 'is too small or too short: at least {minimum}',
  too_big: 'is too big or too long: at most {maximum}',
};

function sentenceOf({ rule, params = {} }: FieldError): string {
  const known = Object.hasOwn(sentences, rule) ? sentences[rule] : undefined;
  return (known ?? 'is not valid').replace(/\{(\w+)\}/g, (_, name: string) =>
    String(params[name] ?? ''),
  );
}
