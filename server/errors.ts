import { AppError, type FieldError } from '#lib/shared/errors.ts';

interface Issue {
  code: string;
  path: PropertyKey[];
  message: string;
  [more: string]: unknown;
}

/** What a caller may be told about an error; undefined for a bug. */
export function toAppError(error: unknown): AppError | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof AppError) return at;
    const issues = issuesOf(at);
    if (issues) return new AppError('BAD_INPUT', { fields: issues.flatMap(toFields) });
    const known = fromDatabase(at);
    if (known) return known;
  }
  return undefined;
}

function issuesOf(error: Error): Issue[] | undefined {
  return 'issues' in error && Array.isArray(error.issues) ? (error.issues as Issue[]) : undefined;
}

function toFields(issue: Issue): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys' && Array.isArray(issue['keys'])) {
    return issue['keys'].map((key) => ({
      field: [...path, String(key)].join('.'),
      rule: 'unknown',
    }));
  }
  const params: Record<string, string | number> = {};
  for (const name of ['minimum', 'maximum', 'format', 'expected'] as const) {
    const value = issue[name];
    if (typeof value === 'string' || typeof value === 'number') params[name] = value;
  }
  const rule = issue.code === 'custom' ? issue.message : issue.code;
  return [{ field: path.join('.'), rule, ...(Object.keys(params).length ? { params } : {}) }];
}

/** The database's own refusals: constraint names say which rule was broken, never other people's values. */
function fromDatabase(error: Error): AppError | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const name =
    'constraint' in error && typeof error.constraint === 'string' ? error.constraint : '';
  const column = 'column' in error && typeof error.column === 'string' ? error.column : '';
  // The pool's own error has no code: every connection is taken.
  if (error.message === 'timeout exceeded when trying to connect') {
    return new AppError('UNAVAILABLE', { reason: 'busy', retryAfter: 1 });
  }
  // Nor have those of a connection that ended: whether the change was made is found out by trying again.
  if (/^(Connection terminated|Client has encountered a connection error)/.test(error.message)) {
    return new AppError('UNAVAILABLE', { reason: 'databaseAway', retryAfter: 1 });
  }
  const params = name ? { params: { constraint: name } } : {};
  switch (code) {
    case '23505':
      return new AppError('CONFLICT', { reason: 'alreadyExists', ...params });
    case '23503':
      return new AppError('CONFLICT', { reason: 'reference', ...params });
    case '23514':
    case '23502':
    case '22001':
      return new AppError('BAD_INPUT', { fields: [{ field: column || name, rule: 'invalid' }] });
    case '22003':
    case '22007':
    case '22008':
    case '22021':
    case '22P02':
    case '22P05':
      return new AppError('BAD_INPUT', { reason: 'unreadableValue' });
    case '40001':
    case '40P01':
    case '55P03':
      return new AppError('UNAVAILABLE', { reason: 'busy', retryAfter: 1 });
    case '53100':
    case '53300':
    case '57P01':
    case '57P02':
    case '57P03':
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return new AppError('UNAVAILABLE', { reason: 'databaseAway', retryAfter: 2 });
    default:
      return code.startsWith('08')
        ? new AppError('UNAVAILABLE', { reason: 'databaseAway', retryAfter: 2 })
        : undefined;
  }
}
