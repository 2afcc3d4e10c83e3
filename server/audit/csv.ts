import type { AuditEntry } from './entries.ts';

const head = [
  'time',
  'actor',
  'action',
  'entity',
  'id',
  'title',
  'field',
  'from',
  'to',
  'ip',
  'request',
];

/** A line for each changed field; an act or a record without fields is one line. */
export function csvOf(entries: AuditEntry[]): string {
  const lines = entries.flatMap(
    ({ at, actor, action, entity, id, title, changes, ip, requestId }) => {
      const fields = changes.length > 0 ? changes : [{ field: '', from: '', to: '' }];
      return fields.map(({ field, from, to }) => [
        at.toISOString(),
        actor?.name ?? '',
        action,
        entity,
        id,
        title ?? '',
        field,
        textOf(from),
        textOf(to),
        ip ?? '',
        requestId ?? '',
      ]);
    },
  );
  return [head, ...lines].map((line) => line.map(cell).join(',')).join('\r\n') + '\r\n';
}

const textOf = (value: unknown): string =>
  value === null || value === undefined
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);

/** A cell that begins like a formula would be run by whoever opens the table. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
