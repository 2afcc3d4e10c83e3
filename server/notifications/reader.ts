import type { LoggedTx, Reader } from '../readers/reader.ts';
import { deliver } from './deliver.ts';
import { isSubject } from './records.ts';
import { forgetDeleted, forgetUnseen } from './sight.ts';
import { toldOf, type Told } from './told.ts';

/** Tells people what concerns them, and takes it away again where they lose sight of it. */
export const notifications: Reader = {
  name: 'notifications',
  from: 'now',
  async apply(tx, changes) {
    const [first] = changes;
    if (!first) return;
    await forgetDeleted(tx, changes);
    await deliver(tx, first.organizationId, lastLives(changes, await toldOf(tx, changes)));
    await forgetUnseen(tx, changes);
  },
};

/** Leaves out what was told of a record before it was deleted. */
function lastLives(changes: LoggedTx[], told: Told[]): Told[] {
  const deaths = new Map<string, Pick<Told, 'position' | 'source'>>();
  for (const { position, rows } of changes) {
    for (const { entity, id, op, rev } of rows) {
      if (op === 'D' && isSubject(entity))
        deaths.set(id, { position, source: `${position}/${rev}` });
    }
  }
  if (deaths.size === 0) return told;
  const outlives = (one: Told, id: string): boolean => {
    const death = deaths.get(id);
    return !death || one.position > death.position || one.source === death.source;
  };
  return told.filter((one) =>
    [...one.targets, ...(one.about ? [one.about] : [])].every(({ id }) => outlives(one, id)),
  );
}
