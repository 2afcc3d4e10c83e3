import { untrack } from 'svelte';
import type { OpenLive } from '#lib/live/context.ts';
import { countName, measureRecords, recorded } from '#lib/shared/record-counts.ts';

/** A page is loaded no oftener than this, in milliseconds, however much happens. */
const pause = 700;

/**
 * Says when anything has changed that one may see, at first too. A page of history holds no rows of its own:
 * it watches how many there are, and is told of every change among them.
 */
export function watchRecords(live: OpenLive, onChange: () => void): () => void {
  const held = recorded.map((entity) =>
    live.subscribeTotals(countName(entity), { entity, params: {}, measure: measureRecords }),
  );
  let resting: ReturnType<typeof setTimeout> | undefined;
  let isDue = false;
  const change = () => {
    if (resting) {
      isDue = true;
      return;
    }
    isDue = false;
    resting = setTimeout(() => {
      resting = undefined;
      if (isDue) change();
    }, pause);
    onChange();
  };
  const stop = $effect.root(() => {
    $effect(() => {
      for (const { totals } of held) void totals.groups;
      untrack(change);
    });
  });
  return () => {
    stop();
    clearTimeout(resting);
    for (const one of held) one.stop();
  };
}
