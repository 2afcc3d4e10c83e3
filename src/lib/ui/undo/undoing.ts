import { toCallError, type Api } from '#lib/api.ts';
import type { OpenLive } from '#lib/live/context.ts';
import type { HistoryWords } from '#lib/shared/history.ts';
import { faultText } from '../fault.ts';
import type { Toasts } from '../toasts.svelte.ts';
import type { Words } from '../words.svelte.ts';
import { kindOf, labelOf } from './field-words.ts';

export type Preview = Awaited<ReturnType<Api['call']['undo']['preview']['query']>>;
type Kept = Preview['kept'][number];
export type Target = { positions: number[] } | { run: string };

/** Takes changes back, page after page. */
export async function undoAll(
  target: Target,
  {
    live,
    onProgress,
  }: { live: Pick<OpenLive, 'api' | 'made'>; onProgress?: (count: number) => void },
): Promise<{ count: number; kept: Kept[] }> {
  const kept: Kept[] = [];
  let count = 0;
  for (let cursor: string | undefined; ;) {
    const context = { mutationId: crypto.randomUUID() };
    const { data, position } = (await live.api.client.mutation(
      'undo.run',
      { ...target, cursor },
      { context },
    )) as { data: Preview; position: number };
    if (data.undone.length > 0) live.made(position);
    count += data.undone.length;
    kept.push(...data.kept);
    onProgress?.(count);
    if (data.nextCursor === null) return { count, kept };
    cursor = data.nextCursor;
  }
}

export interface Telling {
  say: HistoryWords;
  words: Words;
  toasts: Toasts;
}

/** Says what went back and what stayed, with the way to take this back as well. */
export function tellUndone(
  { count, kept }: { count: number; kept: Kept[] },
  { say, toasts }: Telling,
): void {
  const what = keptText(kept, say);
  if (count === 0) toasts.show({ text: say('undo.none', { what }), tone: 'danger' });
  else {
    const done = say('undo.done', { count });
    const rest = kept.length > 0 ? `; ${say('undo.kept', { count: kept.length, what })}` : '';
    toasts.show({ text: done + rest });
  }
}

export function tellRefused(error: unknown, { say, words, toasts }: Telling): void {
  const known = toCallError(error);
  const text =
    known?.code === 'NOT_FOUND'
      ? say('undo.gone')
      : faultText(words.t, known ?? { code: 'UNAVAILABLE' });
  toasts.show({ text, tone: 'danger' });
}

/** The first of what stayed, each with the reason. */
function keptText(kept: Kept[], say: HistoryWords): string {
  const [first, ...rest] = kept.map((one) => keptReason(one, say));
  const more = rest.length > 0 ? `, ${say('andMore', { count: rest.length })}` : '';
  return (first ?? '') + more;
}

export function keptReason({ entity, title, field, reason }: Kept, say: HistoryWords): string {
  const what = (field && labelOf(say, field)) ?? (title || kindOf(say, entity));
  return `${what} – ${say(`kept.${reason}`)}`;
}
