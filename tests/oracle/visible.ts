import type { Pool } from 'pg';

/**
 * What a member may see, as one slow and obvious statement in SQL: written from the rules of the product
 * (told in loops.ts), by somebody who has not read server/access.ts. It asks for the owner's team itself
 * and trusts no derived column.
 */
const member = `
  select m.id, m.organization_id, m.team_id, r.access
  from crm.members m
  join crm.roles r on r.organization_id = m.organization_id and r.id = m.role_id
  join crm.organizations o on o.id = m.organization_id
  where m.id = $1 and m.is_active and o.is_active`;

const level = (resource: string, action: string): string =>
  `coalesce(me.access -> '${resource}' ->> '${action}', 'none')`;

const reaches = (resource: string, owner: string): string => `
  case ${level(resource, 'view')}
    when 'all' then true
    when 'team' then ${owner} = me.id or exists (
      select from crm.members colleague
      where colleague.organization_id = me.organization_id
        and colleague.id = ${owner} and colleague.team_id = me.team_id)
    when 'own' then ${owner} = me.id
    else false
  end`;

const whole = (resource: string, action = 'view'): string => `${level(resource, action)} <> 'none'`;

const rules: [entity: string, table: string, rule: string][] = [
  ['notifications', 'notifications', 't.member_id = me.id'],
  ['follows', 'follows', 't.member_id = me.id'],
  ['notificationPreferences', 'notification_preferences', 't.member_id = me.id'],
  ['looks', 'looks', 't.member_id = me.id'],
  ['organizations', 'organizations', whole('directory')],
  ['roles', 'roles', whole('directory')],
  ['teams', 'teams', whole('directory')],
  ['members', 'members', whole('directory')],
  ['invitations', 'invitations', whole('members', 'manage')],
  ['apiKeys', 'api_keys', whole('apiKeys', 'manage')],
  ['exchangeRates', 'exchange_rates', whole('directory')],
  ['pipelines', 'pipelines', whole('directory')],
  ['stages', 'stages', whole('directory')],
  ['lostReasons', 'lost_reasons', whole('directory')],
  ['products', 'products', whole('products')],
  ['customers', 'customers', reaches('customers', 't.owner_id')],
  ['deals', 'deals', reaches('deals', 't.owner_id')],
  ['activities', 'activities', reaches('activities', 't.owner_id')],
  [
    'dealProducts',
    'deal_products',
    reaches(
      'deals',
      '(select d.owner_id from crm.deals d where d.organization_id = me.organization_id and d.id = t.deal_id)',
    ),
  ],
];

/** Values as Postgres writes them, so that nothing is lost on the way. */
const values = '(select jsonb_object_agg(key, value) from jsonb_each_text(to_jsonb(t)))';

const statement = `with me as materialized (${member})
  ${rules
    .map(
      ([entity, table, rule]) => `
    select '${entity}' as entity, t.id, ${values} as row
    from crm.${table} t, me where t.organization_id = me.organization_id and (${rule})`,
    )
    .join(' union all ')}`;

export type Told = Record<string, string | null>;

/** By entity and id, all that a member may see now. The pool must be one that row security lets through. */
export async function visibleTo(
  pool: Pick<Pool, 'query'>,
  memberId: string,
): Promise<Map<string, Map<string, Told>>> {
  const { rows } = await pool.query<{ entity: string; id: string; row: Told }>(statement, [
    memberId,
  ]);
  const visible = new Map(rules.map(([entity]) => [entity, new Map<string, Told>()]));
  for (const { entity, id, row } of rows) visible.get(entity)?.set(id, row);
  return visible;
}

/** The entities that the oracle knows, and their tables. */
export const oracleTables = new Map(rules.map(([entity, table]) => [entity, table]));
