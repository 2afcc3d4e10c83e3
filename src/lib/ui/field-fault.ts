import type { ErrorDetails } from '#lib/shared/errors.ts';
import type { MessageKey, Translate } from '#lib/shared/i18n.ts';

/** What is wrong with one field, in words; blank where nothing is. */
export function fieldText(
  t: Translate,
  error: { details: ErrorDetails } | undefined,
  name: string,
): string {
  const fault = error?.details.fields?.find(({ field }) => field === name);
  if (!fault) return '';
  const key = `rule.${fault.rule}`;
  const say: (key: MessageKey, params?: Record<string, string | number>) => string = t;
  return say(t.knows(key) ? key : 'rule.invalid', fault.params);
}
