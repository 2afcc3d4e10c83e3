import { entityNames, type EntityName } from './entities.ts';
import type { Measure } from './totals.ts';

/** What is a member's own is in nobody's history. */
const personal: readonly EntityName[] = [
  'notifications',
  'follows',
  'notificationPreferences',
  'looks',
];
export const recorded = entityNames.filter((entity) => !personal.includes(entity));

export const countName = (entity: EntityName): string => `${entity}Count`;

/** Every record counts once; a change of one is told of, though the figure stays. */
export const measureRecords: Measure = () => ({ group: 'all', figures: [1] });
