import type { Reader } from '../readers/reader.ts';
import { deliver } from './deliver.ts';
import { forgetHanded, forgetUnseen, handoversIn, outlasts } from './sight.ts';
import { toldOf } from './told.ts';

/** Tells people what concerns them, and takes it away again where they lose sight of it. */
export const notifications: Reader = {
  name: 'notifications',
  from: 'now',
  rest: 300,
  async apply(tx, changes) {
    const [first] = changes;
    if (!first) return;
    const handovers = handoversIn(changes);
    await forgetHanded(tx, handovers);
    await deliver(tx, first.organizationId, {
      told: await toldOf(tx, changes),
      isLasting: (listener, told) => outlasts(listener, told, handovers),
    });
    await forgetUnseen(tx, changes);
  },
};
