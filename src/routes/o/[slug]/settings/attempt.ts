import { toCallError } from '#lib/api.ts';
import { getLive } from '#lib/live/context.ts';
import type { Change } from '#lib/shared/change.ts';
import type { AppError } from '#lib/shared/errors.ts';
import { faultText } from '#lib/ui/fault.ts';
import { fieldText } from '#lib/ui/field-fault.ts';
import { inputFault } from '#lib/ui/input-fault.ts';
import { getToasts } from '#lib/ui/toasts.svelte.ts';
import { getWords } from '#lib/ui/words.svelte.ts';

/** Says in a toast what the server refuses. */
function useRefusal() {
  const words = getWords();
  const toasts = getToasts();
  return (error: AppError | undefined): void => {
    const [field] = error?.details.fields ?? [];
    const text = field
      ? fieldText(words.t, error, field.field)
      : faultText(words.t, error ?? { code: 'UNAVAILABLE' });
    toasts.show({ text, tone: 'danger' });
  };
}

/** Runs a call; what the server refuses is said in a toast. Answers undefined then. */
export function useAttempt() {
  const live = getLive();
  const refuse = useRefusal();
  const toasts = getToasts();
  return async <T>(run: () => Promise<T>, done?: string): Promise<T | undefined> => {
    try {
      const answer = await run();
      if (isCommitted(answer)) live.made(answer.position);
      if (done) toasts.show({ text: done });
      return answer;
    } catch (error) {
      refuse(toCallError(error));
      return undefined;
    }
  };
}

const isCommitted = (answer: unknown): answer is { position: number } =>
  typeof answer === 'object' && answer !== null && 'data' in answer && 'position' in answer;

/**
 * Makes a change of the live rows, seen at once. What is wrong with it, and what the server refuses, is
 * said in a toast, but for the reason that the caller has an answer to: then it answers how many
 * records stand in the way.
 */
export function useChange() {
  const live = getLive();
  const refuse = useRefusal();
  return async <Input>(
    change: Change<Input>,
    input: Input,
    expected?: string,
  ): Promise<'done' | 'refused' | { standing: number }> => {
    const fault = inputFault(change.input, input);
    const outcome = fault
      ? ({ ok: false, error: fault } as const)
      : await live.change(change, input, { handles: () => true }).done;
    if (outcome.ok) return 'done';
    const { reason, params } = outcome.error.details;
    if (expected && reason === expected) return { standing: Number(params?.['count'] ?? 0) };
    refuse(outcome.error);
    return 'refused';
  };
}
