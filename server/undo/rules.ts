import type { EntityName } from '#lib/shared/entities.ts';
import type { Permission } from '../access.ts';

/** Images of one changed row as the log has them. */
export interface Images {
  before: Record<string, unknown>;
  after: Record<string, unknown>;
}

/** Columns that go back together or not at all. */
interface Bond {
  columns: string[];
  /** Those that show whether somebody has been at it since. */
  watched: string[];
}

export interface Rules {
  /** Who may change a row, and who may take it away or bring it back. */
  edit: Permission;
  remove: Permission;
  /** What triggers compute: neither set nor looked at. Names as in the database. */
  derived?: readonly string[];
  /** What no undo may write. */
  fixed?: readonly string[];
  bonds?(images: Images): Bond[];
}

const managed = (permission: Permission): Rules => ({ edit: permission, remove: permission });

/** How a change of each entity is taken back; `never` is for what must not be, whoever asks. */
export const rules: Record<EntityName, Rules | 'never'> = {
  organizations: managed('organization.manage'),
  roles: { ...managed('roles.manage'), fixed: ['slug', 'is_built_in'] },
  teams: managed('members.manage'),
  // Whose account it is was proved by its owner, and is nobody else's to change back.
  members: { ...managed('members.manage'), fixed: ['user_id', 'email'] },
  // A link that was used or revoked must not come to life again.
  invitations: 'never',
  // A key that was revoked must not come to life again.
  apiKeys: 'never',
  exchangeRates: managed('organization.manage'),
  pipelines: managed('pipelines.manage'),
  stages: managed('pipelines.manage'),
  lostReasons: managed('pipelines.manage'),
  products: { edit: 'products.edit', remove: 'products.delete' },
  customers: { edit: 'customers.edit', remove: 'customers.delete', derived: ['team_id'] },
  deals: {
    edit: 'deals.edit',
    remove: 'deals.delete',
    derived: [
      'state',
      'customer_name',
      'expected_revenue',
      'team_id',
      'next_activity_id',
      'next_activity_kind',
      'next_activity_title',
      'next_activity_at',
    ],
    bonds: dealBonds,
  },
  // Who may change a deal may change its lines, and they are gone with a change of it.
  dealProducts: { edit: 'deals.edit', remove: 'deals.edit', derived: ['owner_id', 'team_id'] },
  // A person's own rows are that person's to change again, one by one.
  notifications: 'never',
  follows: 'never',
  notificationPreferences: 'never',
  looks: 'never',
  activities: { edit: 'activities.edit', remove: 'activities.delete', derived: ['team_id'] },
};

/**
 * A deal that goes back to another stage goes back to its place there; one that was closed or opened by
 * that takes all that was said of its closing along, which a trigger would otherwise wipe.
 */
function dealBonds({ before, after }: Images): Bond[] {
  const bonds: Bond[] = [];
  const closing = ['closed_on', 'lost_reason_id', 'lost_note', 'probability_manual'];
  const isMoved = 'stage_id' in before || 'pipeline_id' in before;
  if (isMoved || 'state' in before) {
    const place = ['pipeline_id', 'stage_id', 'state'];
    const watched = 'state' in before ? [...place, ...closing] : place;
    bonds.push({ columns: [...watched, 'rank', 'stage_entered_at'], watched });
  }
  if ('probability' in before || 'probability_manual' in before) {
    const columns = ['probability', 'probability_manual'];
    bonds.push({ columns, watched: after['probability_manual'] ? columns : columns.slice(1) });
  }
  return bonds;
}
