import type { OpenLive } from '#lib/live/context.ts';
import { historyWords } from '#lib/shared/history.ts';
import { faultText } from '../fault.ts';
import type { Toasts } from '../toasts.svelte.ts';
import type { Words } from '../words.svelte.ts';
import { labelOf } from './field-words.ts';

/** Takes back my last change, wherever I am, and says what became of it and what was left alone. */
export async function undoLast({
  live,
  words,
  toasts,
}: {
  live: Pick<OpenLive, 'undoLast'>;
  words: Words;
  toasts: Toasts;
}): Promise<void> {
  const { t } = words;
  const done = await live.undoLast();
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
