import type { MessageKey, Translate } from '#lib/shared/i18n.ts';
import { en } from '#lib/shared/messages-en.ts';
import type { FormProblem } from '#server/auth/forms.ts';
import { faultText } from '#lib/ui/fault.ts';

/** What is wrong with one field, in words. */
export function fieldText(t: Translate, problem: FormProblem | undefined, name: string): string {
  const fault = problem?.details.fields?.find(({ field }) => field === name);
  if (!fault) return '';
  const key = `rule.${fault.rule}`;
  const say = t as (key: MessageKey, params?: Record<string, string | number>) => string;
  return say(isMessage(key) ? key : 'rule.invalid', fault.params);
}

/** What is wrong with the whole; blank where a field says it. */
export function problemText(t: Translate, problem: FormProblem | undefined): string {
  return !problem || problem.details.fields?.length ? '' : faultText(t, problem);
}

function isMessage(key: string): key is MessageKey {
  return key in en;
}
