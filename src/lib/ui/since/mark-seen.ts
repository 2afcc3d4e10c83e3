import type { OpenLive } from '#lib/live/context.ts';
import { markLook } from '#lib/shared/looks.ts';

/** What is on the screen at a place is seen up to here. */
export function markSeen(live: OpenLive, place: string): void {
  const { position } = live;
  // A look is nothing to wait for a line with, and who is shut out leaves nothing unsent behind.
  if (live.isPast || live.ended || live.connection !== 'online' || position === 0) return;
  void live.change(markLook, { place, position }, { handles: () => true });
}
