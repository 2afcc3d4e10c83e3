import type { Translate } from '#lib/shared/i18n.ts';
import type { FormProblem } from '#server/auth/forms.ts';
import { faultText } from '#lib/ui/fault.ts';

/** What is wrong with the whole form; blank where a field says it. */
export function problemText(t: Translate, problem: FormProblem | undefined): string {
  return !problem || problem.details.fields?.length ? '' : faultText(t, problem);
}
