import type { Api } from '#lib/api.ts';
import { isOnesOwn } from '#lib/live/undo.ts';
import type { RefusedChange } from '#lib/live/unsent.ts';

/** Who made a change so many milliseconds before it was refused may be elsewhere by now. */
const awayAfter = 60_000;

/** What is refused so late is said in the inbox as well, which is where the person is. */
export async function tellLate(api: Api, refused: RefusedChange): Promise<void> {
  const { clientId, seq, name, input, about, madeAt, refusedAt } = refused;
  const { id: recordId } = (input ?? {}) as { id?: string };
  if (refusedAt - madeAt < awayAfter || !recordId || isOnesOwn(name)) return;
  const notice = { key: `${clientId}:${seq}`, name, recordId, about, madeAt };
  // Should it not arrive, the tray still has the change.
  await api.call.notifications.refused.mutate(notice).catch(() => undefined);
}
