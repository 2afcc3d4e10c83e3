import type { OpenLive } from '#lib/live/context.ts';
import type { UndoOutcome } from '#lib/live/undo.ts';
import { historyWords } from '#lib/shared/history.ts';
import { faultText } from '../fault.ts';
import type { Toasts } from '../toasts.svelte.ts';
import type { Words } from '../words.svelte.ts';
import { labelOf } from './field-words.ts';

interface Means {
  words: Words;
  toasts: Toasts;
}

/** Takes back my last change, wherever I am. */
export async function undoLast({
  live,
  ...means
}: Means & { live: Pick<OpenLive, 'undoLast'> }): Promise<void> {
  await tellUndo(await live.undoLast(), means);
}

/** Says what became of an undo, and what was left alone. */
export async function tellUndo(
  done: UndoOutcome | undefined,
  { words, toasts }: Means,
): Promise<void> {
  const { t } = words;
  if (done?.outcome && !done.outcome.ok) {
    const reason = faultText(t, done.outcome.error);
    return void toasts.show({ text: t('toast.refused', { reason }), tone: 'danger' });
  }
  const text = t(done?.undone ? 'toast.undone' : 'toast.nothingToUndo');
  if (!done?.skipped.length) return void toasts.show({ text });
  const say = await historyWords(words.locale);
  const fields = [...new Set(done.skipped.map((field) => labelOf(say, field) ?? field))].join(', ');
  const rest = say('undo.kept', { count: done.skipped.length, what: fields });
  toasts.show({ text: `${text}; ${rest}` });
}
